// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/certificate_request.hpp"
#include "base/result.hpp"
#include "kube/client.hpp"
#include "kube/tls_authority.hpp"
#include "json/json.hpp"

namespace lpm::controller {

inline constexpr const char* authorities_secret = "lpm-authorities"; // in the controller's namespace
inline constexpr const char* controller_subject = "lpm-controller";  // common name of our certificate

// One kind of authority: the first certificate and its key sign; the others are trusted as well, while one
// takes the place of another.
struct Authority {
    kube::KeyPair current;
    std::string trusted; // PEM of all
};

// Two, that have nothing in common: gRPC lets nobody say which of the certificates of one authority are
// clients'.
struct AuthorityPair {
    Authority sidecars;
    Authority clients;
};

// Members `sidecars.crt`, `sidecars.key`, `clients.crt`, `clients.key` of a Secret. Errc::invalid, with what
// is wrong, also when both kinds have a certificate in common.
[[nodiscard]] Result<AuthorityPair> read_authorities(const json::Value& secret);
// A new Secret with two new authorities, good for ten years from `now`.
[[nodiscard]] Result<json::Value> make_authorities(const std::string& space, std::chrono::sys_seconds now);

// What a client of sidecars shows, and whom it trusts. PEM.
struct ClientIdentity {
    std::string ca_pem; // who signs sidecars
    std::string certificate_pem;
    std::string key_pem;
};

// The authorities as the cluster keeps them. May be used by many threads.
class Authorities {
  public:
    Authorities(kube::Client& client, std::string space) : client_(client), space_(std::move(space)) {}

    // Reads them, and makes them when there are none; never writes over any. What was read is good for five
    // minutes, and longer while it cannot be read again. Errors as kube::Client has them, and Errc::invalid
    // for a Secret that cannot be used.
    [[nodiscard]] Result<AuthorityPair> get();

    // Certificate, its authority, then those of clients, in PEM: for `node`, good for `life` at most.
    [[nodiscard]] Result<std::string> sign(const CertificateRequest& request, std::chrono::seconds life);

    // Our own as a client, good for at least eight hours; made again, and kept in memory only.
    [[nodiscard]] Result<ClientIdentity> client_identity();

  private:
    [[nodiscard]] Result<AuthorityPair> read_or_make();

    kube::Client& client_;
    const std::string space_;
    std::mutex mutex_;
    std::optional<AuthorityPair> known_;
    std::chrono::steady_clock::time_point until_{}; // then it is read again
    std::optional<ClientIdentity> identity_;
    std::string signed_by_;              // of `identity_`
    std::chrono::sys_seconds renewal_{}; // of `identity_`
    std::chrono::sys_seconds made_at_{}; // the same
};

} // namespace lpm::controller
