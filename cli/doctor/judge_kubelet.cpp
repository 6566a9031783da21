// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

#include "base/format.hpp"
#include "base/text.hpp"
#include "doctor/judges.hpp"

namespace lpm::doctor {

static std::string set_gate(const KubeletState& kubelet) {
    return lpm::format(
        "lpmctl node enable --kubelet, or by hand featureGates: {{ContainerCheckpoint: true}} in {} (with "
        "kubeadm also as a patch of kubeletconfiguration, or an upgrade takes it away); then: systemctl "
        "restart kubelet",
        kubelet.config.empty() ? "its --config file" : kubelet.config);
}

Finding judge_kubelet_gate(const Facts& facts) {
    const auto& kubelet = facts.kubelet;
    if (!kubelet.runs)
        return {State::unknown, "no kubelet runs here", "systemctl status kubelet"};
    if (!kubelet.version)
        return {State::unknown, "the version of the kubelet is not known", "kubelet --version"};
    const auto [major, minor] = *kubelet.version;
    const std::string version = lpm::format("kubelet {}.{}", major, minor);
    if (major == 1 && minor < first_with_gate)
        return {State::fail, version + " has no checkpoints", "Kubernetes 1.30 or newer"};
    if (kubelet.gate)
        return *kubelet.gate
                   ? Finding{State::ok, version + ", ContainerCheckpoint is set in " + kubelet.gate_set_by}
                   : Finding{State::fail,
                             version + ", and " + kubelet.gate_set_by + " switches ContainerCheckpoint off",
                             set_gate(kubelet)};
    if (!kubelet.unread.empty())
        return {State::unknown, "settings of the kubelet cannot be read: " + kubelet.unread,
                "look for ContainerCheckpoint below featureGates there"};
    if (major == 1 && minor < first_with_gate_on)
        return {State::fail,
                version + " has ContainerCheckpoint off unless it is set" +
                    (kubelet.was_set
                         ? std::string("; it was, and is gone, as after an upgrade without --patches: ") +
                               gate_patch + " is still there"
                         : ""),
                set_gate(kubelet)};
    return {State::ok, version + ", which has ContainerCheckpoint on"};
}

Finding judge_kubelet_endpoint(const Facts& facts) {
    const auto& kubelet = facts.kubelet;
    if (!kubelet.runs)
        return {State::unknown, "no kubelet runs here", "systemctl status kubelet"};
    if (!kubelet.endpoint_fault.empty())
        return {State::fail,
                lpm::format("the kubelet does not answer on port {}: {}", kubelet.port,
                            one_line(kubelet.endpoint_fault)),
                "journalctl -u kubelet"};
    return {State::ok, lpm::format("the kubelet listens on port {}", kubelet.port)};
}

} // namespace lpm::doctor
