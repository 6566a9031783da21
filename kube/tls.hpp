// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

// Certificates, for people. kube/tls* is all that sees OpenSSL.
namespace lpm::kube {

struct Certificate {
    std::string subject; // RFC 2253: "CN=node1@1764000000"
    std::string issuer;
    std::string expires; // RFC 3339, UTC
    std::string pin;     // of its public key: "sha256//BASE64", as Tls::pins
    bool self_signed = false;
};

// The first certificate in `pem`. Errc::invalid when there is none.
[[nodiscard]] Result<Certificate> read_certificate(std::string_view pem);

} // namespace lpm::kube
