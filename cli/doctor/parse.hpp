// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "doctor/facts.hpp"

// Texts of other programs. Each is bounded by who reads it; what cannot be read is nothing.
namespace lpm::doctor {

// /etc/os-release, or what has its form: NAME=value lines, with or without quotes.
[[nodiscard]] std::map<std::string, std::string> parse_os_release(std::string_view text);

// "Kubernetes v1.30.14", as kubelet --version says it.
[[nodiscard]] std::optional<KubernetesVersion> parse_kubernetes_version(std::string_view text);

// Of "A=true,ContainerCheckpoint=false": what it says of that gate.
[[nodiscard]] std::optional<bool> parse_gates(std::string_view flag);

// A file of kind KubeletConfiguration, YAML or JSON.
struct KubeletFile {
    std::optional<bool> gate;
    std::optional<unsigned> port;
    std::string address;     // empty: all
    std::string certificate; // tlsCertFile
};
// Errc::invalid.
[[nodiscard]] Result<KubeletFile> parse_kubelet_file(std::string_view text);

// What lpm-sidecar --ask-cri prints (docs/sidecar.md). Errc::invalid.
[[nodiscard]] Result<CriAnswer> parse_cri_answer(std::string_view text);

// Of conmon's command line, as /proc/PID/cmdline has it.
struct Conmon {
    std::string runtime;    // -r
    std::string id;         // -c
    bool of_podman = false; // which tells it what to run at the end, as CRI-O does not
};
[[nodiscard]] Conmon parse_conmon(std::string_view cmdline);

} // namespace lpm::doctor
