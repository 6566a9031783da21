// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// lpm-ask-kubelet: what lpmctl checkpoint starts. Standard input has one object: `url`, `certificates`
// (files, of which one has the kubelet's), `kubeconfig`, `seconds`. Standard output gets `status` and `body`,
// or `error` and `sent` (whether the kubelet may have got the request).
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/text.hpp"
#include "kube/credentials.hpp"
#include "kube/http.hpp"
#include "kube/tls.hpp"
#include "json/json.hpp"

using namespace lpm;

static constexpr std::size_t longest_file = std::size_t{1} << 20;

// Who has these keys is the kubelet of this node: they are its own files. No authority need know it, and it
// has no name to be verified by: it is asked at its address.
static Result<std::vector<std::string>> read_pins(const json::Value& files) {
    std::vector<std::string> pins;
    std::string names;
    for (const auto& file : files) {
        const std::string path = file.is_string() ? file.get<std::string>() : "";
        names += (names.empty() ? "" : ", ") + path;
        const auto text = read_file(AT_FDCWD, path, longest_file);
        const auto certificate = text ? kube::read_certificate(*text) : std::unexpected(text.error());
        if (certificate)
            pins.push_back(certificate->pin);
    }
    if (pins.empty())
        return fail(Errc::absent,
                    "the kubelet cannot be told from another: none of its certificates can be read (" +
                        names + ")");
    return pins;
}

// The token of a user is shown as well: it lies in a file of this node, whose root the kubelet is.
static Result<kube::Request> prepare() {
    TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, "/dev/stdin", longest_file));
    TRY_ASSIGN(const json::Value asked, json::parse(text));
    constexpr std::int64_t longest_seconds = 86'400;
    const json::Value none = json::Value::array();
    const auto* files = json::find(asked, "certificates");
    kube::Request request{.method = "POST", .url = json::text_or_empty(asked, "url")};
    TRY_ASSIGN(request.tls.pins, read_pins(files == nullptr ? none : *files));
    TRY_ASSIGN(const auto credentials,
               kube::Credentials::kubeconfig(json::text_or_empty(asked, "kubeconfig"), "", false));
    TRY_ASSIGN(kube::Access access, credentials->access());
    request.tls.certificate = std::move(access.tls.certificate);
    request.tls.key = std::move(access.tls.key);
    request.bearer = std::move(access.bearer);
    request.timeout = std::chrono::seconds(
        std::clamp<std::int64_t>(json::integer(asked, "seconds").value_or(0), 1, longest_seconds));
    request.limit = longest_file;
    request.once = true;
    return request;
}

static json::Value answer_of(const Result<kube::Response>& response) {
    if (response)
        return {{"status", response->status}, {"body", response->body}};
    const bool sent = response.error().code == Errc::io || response.error().code == Errc::invalid;
    return {{"error", response.error().text}, {"sent", sent}};
}

static Result<kube::Response> run_main() {
    auto request = prepare();
    if (!request) // whatever it is: nothing was sent
        return fail(Errc::unavailable, request.error().text);
    kube::Http http("lpmctl");
    return http.send(*request);
}

int main() {
    try {
        std::fputs(json::write(answer_of(run_main())).c_str(), stdout);
        return 0;
    } catch (const std::exception& error) { // of a library
        std::fprintf(stderr, "lpm-ask-kubelet: %s\n", error.what());
        return 1;
    }
}
