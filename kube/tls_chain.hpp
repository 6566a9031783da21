// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "kube/tls_authority.hpp"

// What somebody has signed for us: taken apart, and verified.
namespace lpm::kube {

// Of the first certificate in `pem`. Errc::invalid.
[[nodiscard]] Result<Validity> validity_of(std::string_view pem);

// The key is that of the first certificate. Errc::invalid when it is not, or one of them cannot be read.
[[nodiscard]] Result<> judge_pair(std::string_view certificate_pem, std::string_view key_pem);

// A list of certificates, first one that is no authority, after it those that have signed it, each the one
// before; what comes then signs others.
struct Issued {
    std::string chain;  // PEM: the certificate and who has signed it
    std::string others; // PEM: authorities beside that chain; empty: there are none
};
// Errc::invalid: none, more than 32, some that cannot be read, a first one without readable times, or one
// behind it that is no authority.
[[nodiscard]] Result<Issued> split_issued(std::string_view pem);

// The first certificate of a list in which all are authorities. Errc::invalid.
[[nodiscard]] Result<std::string> first_authority(std::string_view pem);

// Some certificate of one list has the public key of one of the other. Errc::invalid: one is no list.
[[nodiscard]] Result<bool> share_a_key(std::string_view one_pem, std::string_view other_pem);

// Whether the first of `chain_pem` is good for `purpose` now, by what `authorities_pem` trusts, and for
// `dns_name` unless that is empty. Errc::invalid with OpenSSL's reason.
[[nodiscard]] Result<> verify(std::string_view chain_pem, std::string_view authorities_pem, Purpose purpose,
                              const std::string& dns_name);

} // namespace lpm::kube
