// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// Requests for certificates (PKCS#10), as the node makes them and as the signer reads them.
namespace lpm::kube {

// A new key, EC P-256, in PEM. Errc::io when OpenSSL cannot make one.
[[nodiscard]] Result<std::string> make_key();

// SHA-256 of the public half of a key, in hexadecimal: the same key has the same, also in a request and in a
// certificate. Errc::invalid when there is no key in `pem`.
[[nodiscard]] Result<std::string> key_id(std::string_view pem);

// A request in PEM, signed with `key_pem`: its subject is `common_name` (64 bytes at most), its one
// alternative name `dns_name`. Errc::invalid: no key, or a name that certificates cannot have.
[[nodiscard]] Result<std::string> make_request(std::string_view key_pem, const std::string& common_name,
                                               const std::string& dns_name);

struct AlternativeName {
    std::string kind;  // "DNS", "IP", "email", "URI" or "other"
    std::string value; // of DNS, email and URI: as it stands there, any bytes
    bool operator==(const AlternativeName&) const = default;
};

// What a request asks for and how. Nothing of it is judged, but that its signature is its own key's.
struct RequestFacts {
    std::string subject;     // RFC 2253, in one line
    std::string common_name; // when the subject is one common name and nothing else; any bytes
    std::vector<AlternativeName> names;
    std::vector<std::string> others; // extensions but for the names, and attributes but for the extensions
    std::string key;                 // "P-256", "RSA", what OpenSSL calls other curves and kinds
    int bits = 0;                    // of the key
    bool proven = false;             // signed by its key; not tried for keys above `longest_key`
};
inline constexpr int longest_key = 8192;                 // bits of an RSA key whose signature is looked at
inline constexpr std::size_t longest_request = 16 << 10; // bytes of PEM; one with RSA 8192 has 3,000

// Errc::invalid: too long, not one PEM block CERTIFICATE REQUEST, or it cannot be read.
[[nodiscard]] Result<RequestFacts> read_request(std::string_view pem);

} // namespace lpm::kube
