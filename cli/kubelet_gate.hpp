// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <vector>

#include "command.hpp"
#include "doctor/facts.hpp"
#include "file_change.hpp"

// The kubelet's feature gate ContainerCheckpoint, which is off in Kubernetes 1.25 to 1.29 unless it is set.
namespace lpm::cli {

// A KubeletConfiguration with the gate on, no other byte changed. Errc::invalid, with what to do, for one
// that is not in YAML's block style, or is none.
[[nodiscard]] Result<std::string> set_gate(const std::string& text);

// What has to be written for that kubelet, in this order; nothing where its gate is on. `by_kubeadm`: an
// upgrade makes its file anew, with the patches of kubeadm's folder. Errc::invalid: it cannot be done, or not
// by us.
[[nodiscard]] Result<std::vector<FileChange>> plan_gate(const doctor::KubeletState& kubelet, bool by_kubeadm);

// node enable --kubelet
[[nodiscard]] Result<int> enable_kubelet(const Context& context, bool plan, bool check);

} // namespace lpm::cli
