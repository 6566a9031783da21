// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crio/crio.hpp"
#include "criu/tooling.hpp"
#include "inspect/host.hpp"
#include "oci/runtime.hpp"

// What lpmctl doctor looks at. What could not be read is nothing; an empty text is what the comment says.
namespace lpm::doctor {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;

// One call of a program.
struct Call {
    int status = 0;
    std::string said{}; // its first line
};

struct RuntimeState {
    std::string link{};           // where /etc/lpm/runtime leads to; empty: it is no link
    bool link_there = false;      // something is there
    bool link_is_us = false;      // and that is lpm-runc
    bool script_calls_us = false; // it is a script that names lpm-runc
    std::string path{};           // the runtime that a call reaches; empty: none
    std::optional<Call> front{};  // lpm-runc --version
    std::optional<Call> checkpoint_help{};
    std::optional<Call> restore_help{};
    std::optional<oci::RuntimeFacts> told{};
    std::optional<bool> no_criu{}; // runc 1.3 and newer, built with runc_nocriu
};

// A PATH in which the runtime looks for criu.
struct SearchPath {
    std::string whose{};
    std::string path{};
    std::string criu{}; // that is found there; empty: none
};

struct CriuState {
    std::vector<SearchPath> paths{};
    std::optional<criu::CriuFacts> facts{}; // of the first that was found
    std::optional<Time> changed{}; // that file, as ctime has it: a package keeps the time of its build
};

struct Handler {
    std::string name{};
    std::string path{}; // what runs, an inherited one included; empty: CRI-O's built-in one
    bool through_lpm = false;
    bool is_default = false;
    bool is_machine = false; // runtime_type "vm": of a runtime for virtual machines
    bool sets_path = false;  // monitor_env has PATH
};

// What lpm-sidecar --ask-cri has been told.
struct CriAnswer {
    std::string not_asked{};                       // why; empty: it was asked
    std::string checkpoint{};                      // enabled, disabled, not-implemented; empty: unknown
    std::string unknown{};                         // why
    std::string version{};                         // of the runtime
    std::map<std::string, std::string> handlers{}; // runtime_path by name; CRI-O 1.36 tells them
};

struct CrioState {
    bool runs = false;
    std::optional<Time> started{};
    std::string
        other_files{}; // --config or --config-dir of its command line that we cannot find; empty: none
    crio::Configuration configuration{};
    std::vector<Handler> handlers{};
    std::string newest_file{}; // of the configuration, or its folder; empty: there is none
    Time newest{};
    CriAnswer answer{};
    std::vector<std::string>
        foreign_containers{}; // ids of those that were made by another runtime than lpm-runc
    std::size_t containers = 0;
};

struct KubernetesVersion {
    unsigned major = 0;
    unsigned minor = 0;
    [[nodiscard]] auto operator<=>(const KubernetesVersion&) const = default;
};

// Minor versions of Kubernetes 1: since when there is a feature gate ContainerCheckpoint (alpha, off), and
// since when it is on (beta).
inline constexpr unsigned first_with_gate = 25, first_with_gate_on = 30;
// What lpmctl node enable --kubelet writes beside the kubelet's own file.
inline constexpr const char* gate_patch = "/etc/kubernetes/patches/kubeletconfiguration-lpm+merge.yaml";
inline constexpr const char* gate_drop_in = "zz-lpm.conf"; // in its --config-dir

struct KubeletState {
    bool runs = false;
    std::optional<KubernetesVersion> version{};
    std::optional<bool> gate{}; // ContainerCheckpoint, where something sets it
    std::string gate_set_by{};  // that file, or "--feature-gates"
    std::string unread{};       // why its settings could not be read; empty: they were
    std::string config{};       // its --config; empty: none
    std::string config_dir{};   // its --config-dir; empty: none
    bool was_set = false;       // by lpmctl node enable --kubelet, whose files are still there
    std::string dir{};          // its root directory
    std::string address{};      // where it listens; empty: everywhere
    unsigned port = 10250;
    std::vector<std::string> certificates{}; // files, of which one has the certificate that it shows
    std::string endpoint_fault{};            // why nobody answers there; empty: somebody does
};

struct Place {
    std::string what{};
    std::optional<inspect::Space> space{};
};

struct Certificate {
    std::string
        wanted_by{}; // address for clients of other machines; empty: none, and no certificate is needed
    std::string file{};
    std::optional<std::chrono::sys_seconds> until{};
    std::string fault{};
};

struct Timer {
    std::string name{};
    std::string state{}; // as systemctl is-active says it
};

struct NodeState {
    Time now{};
    std::optional<inspect::KernelVersion> kernel{};
    std::string glibc{};                               // "2.41"
    std::map<std::string, std::string> distribution{}; // /etc/os-release
    bool bypass = false;
    bool restore_wanted = false;   // [restore] at_create of lpm.toml
    bool restore_switched = false; // the front's switch is there
    bool can_wake = false;         // lpm-wake is there
    std::vector<Place> places{};
    std::optional<std::uint64_t> inotify_instances{};
    std::optional<std::uint64_t> inotify_watches{};
    std::string gate_fault{}; // why nobody listens; empty: somebody does
    std::string sidecar_fault{};
    Certificate certificate{};
    std::string records_fault{};
    bool has_records = false;
    bool systemd = false;
    std::vector<Timer> timers{};
};

struct Facts {
    RuntimeState runtime{};
    CriuState criu{};
    CrioState crio{};
    KubeletState kubelet{};
    NodeState node{};
};

} // namespace lpm::doctor
