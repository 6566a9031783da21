// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "json/json.hpp"

// CertificateSigningRequest of certificates.k8s.io/v1. What `spec` says of who asks, the API server has
// written there itself, whoever made the object.
namespace lpm::controller {

inline constexpr const char* requests_path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
inline constexpr std::string_view sidecar_signer = "lpm.my.domain/sidecar";

struct CertificateRequest {
    std::string name;
    std::string signer;
    std::string user;
    std::vector<std::string> groups;
    std::vector<std::string> usages;
    std::optional<std::int64_t> seconds; // expirationSeconds: how long the certificate is wanted for
    std::string pem;                     // spec.request, its base64 undone
    bool approved = false;
    bool ended = false; // denied, failed, or signed

    // "node-1" of "system:node:node-1", if that is a node's name and the user is in the nodes' group; else
    // empty.
    [[nodiscard]] std::string node() const;
};

// Errc::invalid, with the object's name, for what is none.
[[nodiscard]] Result<CertificateRequest> read_certificate_request(const json::Value& object);

// The object with one more condition: "Approved", "Denied" or "Failed".
[[nodiscard]] json::Value with_condition(json::Value object, std::string_view type, std::string_view reason,
                                         std::string_view message);
// The object with its certificates, in PEM.
[[nodiscard]] json::Value with_certificate(json::Value object, std::string_view pem);

} // namespace lpm::controller
