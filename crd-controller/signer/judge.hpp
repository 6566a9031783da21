// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/certificate_request.hpp"

namespace lpm::controller {

// What the subject of a sidecar's certificate is. No name of a client: what a client may do, the sidecar
// tells by the common name.
inline constexpr std::string_view sidecar_subject = "lpm-sidecar";

// Why a request is denied.
struct Refusal {
    std::string reason;  // of the condition: CamelCase
    std::string message; // for the one who has asked
};

// Nothing: sign it. Pure, and reads what anybody with the right to make requests may have written: a node may
// have a server's certificate for its own name, and nobody anything else.
[[nodiscard]] std::optional<Refusal> judge_request(const CertificateRequest& request);

} // namespace lpm::controller
