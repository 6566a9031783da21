// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "signer/signer.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "kube/pause.hpp"
#include "loop/worker.hpp"
#include "node/log.hpp"
#include "signer/judge.hpp"

namespace lpm::controller {

using namespace std::chrono_literals;
using node::Level;

// Requests may have any name; one that is part of a path as it is has that of an object.
static bool is_plain(std::string_view name) {
    return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    });
}

static std::string path_of(const std::string& name, std::string_view part) {
    return std::string(requests_path) + "/" + name + std::string(part);
}

Signer::Signer(kube::Client& client, std::string space, std::chrono::seconds life)
    : client_(client), life_(life), authorities_(client, std::move(space)),
      requests_(client, kube::with_query(requests_path, "fieldSelector",
                                         "spec.signerName=" + std::string(sidecar_signer))) {}

void Signer::follow() {
    requests_.follow({.list_begins = [] {},
                      .set =
                          [this](const json::Value& object) {
                              if (const auto read = read_certificate_request(object); !read)
                                  node::log(Level::warn, "a request for a certificate is left alone",
                                            {{"error", read.error().text}});
                              else if (!read->ended && is_plain(read->name))
                                  queue_.add(read->name);
                          },
                      .removed = [](const json::Value&) {},
                      .list_ended = [] {},
                      .failed =
                          [](const Error& error) {
                              node::log(Level::warn, "requests for certificates are not followed just now",
                                        {{"error", error.text}});
                          }});
}

// They are there before the first node asks, and what is wrong with them is said before that.
void Signer::keep_authorities(const std::stop_token& stop) {
    std::string told;
    while (!stop.stop_requested()) {
        const auto pair = authorities_.get();
        const std::string error = pair ? std::string() : pair.error().text;
        if (!error.empty() && error != told)
            node::log(Level::warn, "certificates cannot be signed just now", {{"error", error}});
        told = error;
        kube::pause_for(pair ? 5min : 10s, stop);
    }
}

void Signer::start(std::vector<std::jthread>& threads) {
    follow();
    threads.emplace_back([this](const std::stop_token& stop) { keep_authorities(stop); });
    threads.emplace_back([this](const std::stop_token& stop) { requests_.run(stop); });
    threads.emplace_back([this](const std::stop_token& stop) {
        work_on(
            queue_, [this](const std::string& name) { return look(name); },
            [](const std::string& name, const Result<>& done, double) {
                if (!done && done.error().code != Errc::busy)
                    node::log(Level::warn, "a request for a certificate is tried again",
                              {{"request", name}, {"error", done.error().text}});
            },
            stop);
    });
}

// One that somebody has approved by hand cannot be denied any more.
Result<> Signer::refuse(const CertificateRequest& request, json::Value object, const Refusal& why) {
    const std::string_view type = request.approved ? "Failed" : "Denied";
    TRY(client_.replace(path_of(request.name, request.approved ? "/status" : "/approval"),
                        with_condition(std::move(object), type, why.reason, why.message)));
    node::log(Level::warn, "a request for a certificate is denied",
              {{"request", request.name},
               {"user", one_line(request.user, 100)},
               {"reason", why.reason},
               {"message", why.message}});
    return {};
}

Result<> Signer::sign(const CertificateRequest& request, json::Value object) {
    TRY_ASSIGN(const std::string pem, authorities_.sign(request, life_));
    TRY(client_.replace(path_of(request.name, "/status"), with_certificate(std::move(object), pem)));
    node::log(Level::info, "a certificate is signed", {{"request", request.name}, {"node", request.node()}});
    return {};
}

Result<> Signer::look(const std::string& name) {
    TRY_ASSIGN(json::Value object, client_.get(path_of(name, "")));
    TRY_ASSIGN(const CertificateRequest request, read_certificate_request(object));
    if (request.ended || request.signer != sidecar_signer)
        return {};
    if (const auto refusal = judge_request(request))
        return refuse(request, std::move(object), *refusal);
    if (!request.approved) {
        TRY_ASSIGN(object, client_.replace(path_of(name, "/approval"),
                                           with_condition(std::move(object), "Approved", "OwnNode",
                                                          "the node asks for its own name, as a server")));
    }
    return sign(request, std::move(object));
}

} // namespace lpm::controller
