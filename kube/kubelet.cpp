// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/kubelet.hpp"

#include <algorithm>
#include <fcntl.h>
#include <utility>

#include "base/file.hpp"
#include "base/text.hpp"
#include "kube/tls.hpp"

namespace lpm::kube {

using namespace std::chrono_literals;

static constexpr std::size_t longest_file = std::size_t{256} << 10;
static constexpr auto address_life = 60s;
static constexpr std::int64_t token_seconds = 3600;
static constexpr std::size_t longest_answer = std::size_t{256} << 10;

Kubelets::Kubelets(Http& http, Client& client, Credentials& credentials, KubeletAccess access)
    : http_(http), client_(client), credentials_(credentials), access_(std::move(access)) {}

// What fails before anything is sent to a kubelet.
static std::unexpected<Error> not_sent(Error error, const std::string& what) {
    error.code = Errc::unavailable;
    return std::unexpected(std::move(error).in(what));
}

Result<Kubelets::Place> Kubelets::find_node(const std::string& node) {
    const auto now = std::chrono::steady_clock::now();
    {
        const std::lock_guard lock(mutex_);
        if (const auto at = places_.find(node); at != places_.end() && now < at->second.until)
            return at->second;
    }
    const auto object = client_.get("/api/v1/nodes/" + node);
    if (!object)
        return std::unexpected(Error(object.error()).in("node " + node));
    Place place;
    place.until = now + address_life;
    if (const auto port = json::integer(*object, "status.daemonEndpoints.kubeletEndpoint.Port").value_or(0);
        port > 0 && port <= 65535) // 0: a node that does not say
        place.port = port;
    if (const json::Value* addresses = json::find_path(*object, "status.addresses");
        addresses != nullptr && addresses->is_array())
        for (const json::Value& one : *addresses)
            if (place.host.empty() && json::text_or_empty(one, "type") == "InternalIP")
                place.host = json::text_or_empty(one, "address");
    if (place.host.empty())
        return fail(Errc::unavailable, "node " + node + " has no InternalIP");
    if (place.host.contains(':'))
        place.host = "[" + place.host + "]";
    const std::lock_guard lock(mutex_);
    places_[node] = place;
    return place;
}

Result<std::string> Kubelets::host_of(const std::string& node) {
    TRY_ASSIGN(const Place place, find_node(node));
    return place.host;
}

// Of a ServiceAccount that may do nothing but ask kubelets for checkpoints.
Result<std::string> Kubelets::token() {
    const auto now = std::chrono::steady_clock::now();
    {
        const std::lock_guard lock(mutex_);
        if (!token_.empty() && now < token_until_)
            return token_;
    }
    const std::string account = access_.name_space + "/" + access_.service_account;
    const auto answer = client_.create_and_read("/api/v1/namespaces/" + access_.name_space +
                                                    "/serviceaccounts/" + access_.service_account + "/token",
                                                {{"apiVersion", "authentication.k8s.io/v1"},
                                                 {"kind", "TokenRequest"},
                                                 {"spec", {{"expirationSeconds", token_seconds}}}});
    if (!answer)
        return not_sent(answer.error(), "token of ServiceAccount " + account);
    std::string token = json::text_or_empty(*answer, "status.token");
    if (token.empty())
        return fail(Errc::unavailable, "token of ServiceAccount " + account + ": none was given");
    // An API server may give less than was asked for.
    std::chrono::seconds life(token_seconds);
    if (const auto end = parse_rfc3339(json::text_or_empty(*answer, "status.expirationTimestamp")))
        life = std::min(life, std::chrono::seconds(end->tv_sec - lpm::now().tv_sec));
    const std::lock_guard lock(mutex_);
    token_ = token;
    token_until_ = now + life * 8 / 10;
    return token;
}

Result<> Kubelets::show_identity(Request& request) {
    if (access_.ca_file.empty()) {
        TRY_ASSIGN(Access access, credentials_.access());
        request.tls.ca = std::move(access.tls.ca);
    } else {
        TRY_ASSIGN(request.tls.ca, read_file(AT_FDCWD, access_.ca_file, longest_file));
    }
    if (!access_.certificate_file.empty()) {
        TRY_ASSIGN(request.tls.certificate, read_file(AT_FDCWD, access_.certificate_file, longest_file));
        TRY_ASSIGN(request.tls.key, read_file(AT_FDCWD, access_.key_file, longest_file));
    } else if (!access_.token_file.empty()) {
        TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, access_.token_file, longest_file));
        request.bearer = trim(text);
    } else {
        TRY_ASSIGN(request.bearer, token());
    }
    return {};
}

// Who does not trust a certificate wants to know whose it is, and what to pin.
Error Kubelets::explain(Error error, const std::string& url) {
    if (error.code != Errc::denied)
        return error;
    const auto pem = http_.certificate_of(url);
    const auto certificate = pem ? read_certificate(*pem) : std::unexpected(pem.error());
    if (certificate)
        error.text +=
            " (it is of " + one_line(certificate->subject, 200) + ", " +
            (certificate->self_signed ? "self-signed" : "signed by " + one_line(certificate->issuer, 200)) +
            ", expires " + certificate->expires + ", key " + certificate->pin + ")";
    return error;
}

Result<Response> Kubelets::directly(const CheckpointCall& call, const std::string& path) {
    const auto place = find_node(call.node);
    if (!place)
        return not_sent(place.error(), "its address");
    Request request;
    request.method = "POST";
    request.url = "https://" + place->host + ":" + std::to_string(place->port) + path;
    request.once = true;
    request.timeout = call.patience;
    request.limit = longest_answer;
    if (const auto at = access_.pins.find(call.node); at != access_.pins.end())
        request.tls.pins = at->second;
    else
        request.tls.server_name = call.node; // as the API server verifies it too
    if (auto shown = show_identity(request); !shown)
        return not_sent(std::move(shown).error(), "what kubelets are verified by and shown");
    auto response = http_.send(request);
    if (!response) {
        if (response.error().code != Errc::io) { // it may have moved
            const std::lock_guard lock(mutex_);
            places_.erase(call.node);
        }
        return std::unexpected(explain(std::move(response).error(), request.url));
    }
    if (response->status == 401) {
        const std::lock_guard lock(mutex_);
        token_.clear();
    }
    return response;
}

Result<Response> Kubelets::checkpoint(const CheckpointCall& call) {
    const std::string path = with_query("/checkpoint/" + call.space + "/" + call.pod + "/" + call.container,
                                        "timeout", std::to_string(call.timeout));
    if (!access_.through_proxy)
        return directly(call, path);
    Request request;
    request.method = "POST";
    request.once = true;
    request.timeout = call.patience;
    request.limit = longest_answer;
    return client_.send(std::move(request), "/api/v1/nodes/" + call.node + "/proxy" + path);
}

} // namespace lpm::kube
