// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>

#include "base/result.hpp"
#include "doctor/facts.hpp"

namespace lpm::cli {

struct KubeletCall {
    std::string name_space;
    std::string pod;
    std::string container;
    std::string kubeconfig; // of a user who may create nodes/checkpoint; empty: see find_kubeconfig
    std::chrono::seconds timeout{};
};

// The one that is asked where none is named: $KUBECONFIG, or that of kubeadm's administrator. Errc::absent,
// with what else can be done.
[[nodiscard]] Result<std::string> find_kubeconfig();

// That of this node, which runs. Errc::unavailable, with what else can be done.
[[nodiscard]] Result<doctor::KubeletState> find_kubelet();

// Has this kubelet take a checkpoint: the path of the archive. By lpm-ask-kubelet, which has what
// lpmctl does without: libcurl takes longer to load than all that lpmctl does for a list. Errc::unavailable:
// the kubelet was not asked, or said no. Errc::io: nobody knows what became of it.
[[nodiscard]] Result<std::string> checkpoint_by_kubelet(const doctor::KubeletState& kubelet,
                                                        const KubeletCall& call);

} // namespace lpm::cli
