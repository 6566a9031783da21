// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

// The kubelet of this node, whose identity the node has in its cluster.
namespace lpm::sidecar {

// The absolute path that a kubelet's command line (as /proc/PID/cmdline has it) gives as --kubeconfig; empty when
// it gives none.
[[nodiscard]] std::string kubeconfig_of(std::string_view command_line);

// The kubeconfig of the kubelet that runs; without one that says so, where kubeadm puts it.
[[nodiscard]] std::string find_kubeconfig();

} // namespace lpm::sidecar
