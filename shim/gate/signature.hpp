// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>

#include "archives.hpp"
#include "base/deadline.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "refusal.hpp"

// An archive's signature, ARCHIVE.sig beside it: ed25519 over two lines, `lpm archive 1` and the archive's
// digest. Made and verified by openssl(1), as anybody can (docs/restore.md).
namespace lpm::gate {

// sha256, in hexadecimal; by coreutils' sha256sum, which each distribution has.
[[nodiscard]] Result<std::string> digest_of(const OpenedArchive& archive, std::chrono::milliseconds time);

// By one of the keys of [restore] signed_by.
[[nodiscard]] std::expected<void, Refusal> verify_signature(const config::Settings& settings,
                                                            const OpenedArchive& archive,
                                                            const std::string& digest,
                                                            const Deadline& deadline);

// Signs what the kubelet has put down in its folder and is without a signature, with [archives] sign_with.
// Archives of other folders have come from elsewhere. None that is larger. Prints what it did; false when one
// cannot be signed.
bool sign_archives(const config::Settings& settings, std::uint64_t most_bytes);

} // namespace lpm::gate
