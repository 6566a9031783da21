// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>

#include "base/result.hpp"

namespace lpm::sidecar {

struct Enrollment {
    std::string folder;        // of the certificate; it is made
    std::string kubeconfig;    // empty: the running kubelet's
    std::chrono::seconds wait; // for the signer
    bool renew = false;        // whatever there is
};

// `lpm-sidecar --enroll`, as root: asks the cluster for a certificate of this node, unless there is one in
// the first two thirds of its life. Asked for again, it goes on where the last run has ended.
// Errc::unavailable: the API server was not reached, or has not signed in time: the next run may do better.
// Others are for people: they say what to do.
[[nodiscard]] Result<> enroll(const Enrollment& how);

} // namespace lpm::sidecar
