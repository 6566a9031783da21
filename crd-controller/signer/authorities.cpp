// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "signer/authorities.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/random.hpp"
#include "kube/base64.hpp"
#include "kube/tls_chain.hpp"
#include "kube/tls_request.hpp"
#include "node/log.hpp"
#include "signer/judge.hpp"

namespace lpm::controller {

using namespace std::chrono_literals;

static constexpr auto known_for = 5min;
static constexpr auto retry = 10s;    // after they could not be read
static constexpr auto own_life = 24h; // of our certificate as a client
static constexpr auto back = 5min;    // clocks of nodes may be behind ours
static constexpr std::chrono::seconds authority_life = std::chrono::days(3650);

static std::chrono::sys_seconds time_by_seconds() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

static Result<std::string> member(const json::Value& secret, const std::string& name) {
    constexpr std::size_t longest = 64 << 10; // bytes
    const json::Value* data = json::find(secret, "data");
    const json::Value* value = data != nullptr ? json::find(*data, name) : nullptr;
    const auto text =
        value != nullptr && value->is_string() && value->get_ref<const std::string&>().size() <= longest
            ? kube::from_base64(value->get_ref<const std::string&>())
            : std::nullopt;
    if (!text || text->empty())
        return fail(Errc::invalid, name + " is missing, or no base64 of 64 KiB at most");
    return *text;
}

static Result<Authority> read_authority(const json::Value& secret, const std::string& kind) {
    TRY_ASSIGN(std::string certificates, member(secret, kind + ".crt"));
    TRY_ASSIGN(std::string key, member(secret, kind + ".key"));
    auto first = kube::first_authority(certificates);
    auto judged = first ? kube::judge_pair(certificates, key) : std::unexpected(first.error());
    if (!judged)
        return std::unexpected(std::move(judged).error().in(kind + ".crt and " + kind + ".key"));
    return Authority{{*std::move(first), std::move(key)}, std::move(certificates)};
}

static Result<AuthorityPair> read_pair(const json::Value& secret) {
    TRY_ASSIGN(Authority sidecars, read_authority(secret, "sidecars"));
    TRY_ASSIGN(Authority clients, read_authority(secret, "clients"));
    TRY_ASSIGN(const bool shared, kube::share_a_key(sidecars.trusted, clients.trusted));
    if (shared)
        return fail(Errc::invalid,
                    "sidecars.crt and clients.crt share an authority: each sidecar could be a client");
    return AuthorityPair{std::move(sidecars), std::move(clients)};
}

Result<AuthorityPair> read_authorities(const json::Value& secret) {
    auto read = read_pair(secret);
    if (!read)
        return std::unexpected(std::move(read).error().in(std::string("Secret ") + authorities_secret));
    return read;
}

Result<json::Value> make_authorities(const std::string& space, std::chrono::sys_seconds now) {
    const kube::Validity validity{now - back, now + authority_life};
    json::Value data = json::Value::object();
    for (const char* kind : {"sidecars", "clients"}) {
        // One that comes later has another name: OpenSSL looks for issuers by it.
        const std::string name =
            std::string("lpm ") + kind + " " + std::to_string(random_bytes<std::uint64_t>());
        TRY_ASSIGN(const kube::KeyPair made, kube::make_authority(name, validity));
        data[std::string(kind) + ".crt"] = kube::base64(made.certificate);
        data[std::string(kind) + ".key"] = kube::base64(made.key);
    }
    return json::Value{{"apiVersion", "v1"},
                       {"kind", "Secret"},
                       {"metadata", {{"name", authorities_secret}, {"namespace", space}}},
                       {"type", "Opaque"},
                       {"data", std::move(data)}};
}

// Of two controllers at the same time one makes it, and the other reads that.
Result<AuthorityPair> Authorities::read_or_make() {
    const std::string folder = "/api/v1/namespaces/" + space_ + "/secrets";
    auto secret = client_.get(folder + "/" + authorities_secret);
    if (!secret && secret.error().code == Errc::absent && known_)
        return fail(Errc::absent, std::string("Secret ") + authorities_secret +
                                      " has gone: nodes trust what was in it; put it back");
    if (!secret && secret.error().code == Errc::absent) {
        node::log(node::Level::warn,
                  "makes new authorities: nodes with certificates of others enroll again (lpm-sidecar "
                  "--enroll --renew)",
                  {{"secret", space_ + "/" + authorities_secret}});
        TRY_ASSIGN(const json::Value made, make_authorities(space_, time_by_seconds()));
        secret = client_.create_and_read(folder, made);
        if (!secret && secret.error().code == Errc::exists)
            secret = client_.get(folder + "/" + authorities_secret);
    }
    if (!secret)
        return std::unexpected(std::move(secret).error().in(std::string("Secret ") + authorities_secret));
    return read_authorities(*secret);
}

Result<AuthorityPair> Authorities::get() {
    const std::lock_guard lock(mutex_);
    if (known_ && std::chrono::steady_clock::now() < until_)
        return *known_;
    auto read = read_or_make();
    if (!read && !known_)
        return std::unexpected(std::move(read).error());
    // What was known is good as long as nobody says otherwise.
    if (!read)
        node::log(node::Level::warn, "the authorities cannot be read again", {{"error", read.error().text}});
    until_ = std::chrono::steady_clock::now() + (read ? known_for : retry);
    if (read)
        known_ = *std::move(read);
    return *known_;
}

Result<std::string> Authorities::sign(const CertificateRequest& request, std::chrono::seconds life) {
    TRY_ASSIGN(const AuthorityPair pair, get());
    const auto now = time_by_seconds();
    if (request.seconds && *request.seconds > 0)
        life = std::min(life, std::chrono::seconds(*request.seconds));
    TRY_ASSIGN(const std::string made, kube::sign_request(pair.sidecars.current, request.pem,
                                                          {.purpose = kube::Purpose::server,
                                                           .common_name = std::string(sidecar_subject),
                                                           .dns_name = request.node(),
                                                           .validity = {now - back, now + life}}));
    return made + pair.sidecars.current.certificate + pair.clients.trusted;
}

Result<ClientIdentity> Authorities::client_identity() {
    TRY_ASSIGN(const AuthorityPair pair, get());
    const auto now = time_by_seconds();
    const std::lock_guard lock(mutex_);
    const bool not_yet = now + back < made_at_; // the clock was ahead when it was made
    if (!identity_ || now >= renewal_ || not_yet || signed_by_ != pair.clients.current.certificate) {
        TRY_ASSIGN(std::string key, kube::make_key());
        TRY_ASSIGN(std::string made, kube::sign_key(pair.clients.current, key,
                                                    {.purpose = kube::Purpose::client,
                                                     .common_name = controller_subject,
                                                     .dns_name = {},
                                                     .validity = {now - back, now + own_life}}));
        identity_ = ClientIdentity{{}, std::move(made), std::move(key)};
        signed_by_ = pair.clients.current.certificate;
        renewal_ = now + own_life * 2 / 3;
        made_at_ = now;
    }
    identity_->ca_pem = pair.sidecars.trusted;
    return *identity_;
}

} // namespace lpm::controller
