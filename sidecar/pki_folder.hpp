// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "kube/tls_chain.hpp"

namespace lpm::sidecar {

// The files that `lpm-sidecar --enroll` makes: sidecar.crt (with who has signed it), sidecar.key,
// clients-ca.crt, and, while a certificate is asked for, pending.key.
class PkiFolder {
  public:
    // Made if it is missing, with that group, which is then its files'. Errc::denied: somebody else may write
    // into it. Errc::busy: another process has it open. Errc::absent: the folder above is missing.
    [[nodiscard]] static Result<PkiFolder> open(const std::string& path, gid_t group);

    // When two thirds of the certificate's life are over; nothing when there is none, or its files do not
    // fit.
    [[nodiscard]] std::optional<std::chrono::sys_seconds> renewal() const;

    // The key of the certificate that is asked for, PEM: the same until there is one.
    [[nodiscard]] Result<std::string> pending_key();

    // All three files, each whole or not at all. A run that was killed among them finds the pending key
    // again.
    [[nodiscard]] Result<> store(const kube::Issued& issued, const std::string& key);

  private:
    explicit PkiFolder(Fd&& dir) : dir_(std::move(dir)) {}
    Fd dir_;
};

} // namespace lpm::sidecar
