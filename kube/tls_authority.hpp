// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

// An authority that signs certificates of servers, or of clients.
namespace lpm::kube {

struct Validity {
    std::chrono::sys_seconds from;
    std::chrono::sys_seconds until;
};

struct KeyPair {
    std::string certificate; // PEM
    std::string key;         // PEM
};

// A certificate that its own key has signed, EC P-256, for signing certificates that sign none themselves.
// Errc::io when OpenSSL cannot.
[[nodiscard]] Result<KeyPair> make_authority(const std::string& common_name, const Validity& validity);

enum class Purpose { server, client };

// What a certificate will say. Its serial number is 128 random bits, its key may sign and nothing else.
struct Leaf {
    Purpose purpose = Purpose::server;
    std::string common_name; // 64 bytes at most
    std::string dns_name;    // empty: it has no alternative name
    Validity validity;       // not beyond the authority's
};

// Certificates in PEM for the key of a request, of which nothing else is taken, or for the public half of a
// key. Errc::invalid: authority, request or key cannot be read, the authority has expired, a name does not
// fit.
[[nodiscard]] Result<std::string> sign_request(const KeyPair& authority, std::string_view request_pem,
                                               const Leaf& leaf);
[[nodiscard]] Result<std::string> sign_key(const KeyPair& authority, std::string_view key_pem,
                                           const Leaf& leaf);

} // namespace lpm::kube
