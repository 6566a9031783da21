// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "criu/images/core.hpp"
#include "criu/images/inventory.hpp"
#include "inspect/subject.hpp"
#include "linux/local_files.hpp"

// The node: its kernel, and what there is room for.
namespace lpm::inspect {

struct KernelVersion {
    unsigned major = 0;
    unsigned minor = 0;
    [[nodiscard]] auto operator<=>(const KernelVersion&) const = default;
};
[[nodiscard]] std::optional<KernelVersion> parse_kernel_version(std::string_view release);

struct Space {
    std::string path; // the nearest directory that is there
    std::uint64_t free_bytes = 0;
    std::optional<std::uint64_t> free_inodes; // nothing: the file system has no fixed number
    std::uint64_t device = 0;
};

// The controller that limits the number of processes.
enum class PidsController { none, cgroup_v1, cgroup_v2 };

struct HostFacts {
    std::optional<KernelVersion> kernel;
    criu::March march = criu::March::unknown; // one that lpm is not built for is unknown
    std::optional<std::uint64_t> available_memory;
    bool no_swap = false; // this node surely has none
    bool selinux_enforcing = false;
    bool has_ipv6 = true;

    // checkpoint only
    std::optional<Space> image_space;
    std::optional<Space> kubelet_space;

    // restore only
    std::optional<std::string> cpu; // names of features, of this processor
    criu::LsmType lsm = criu::LsmType::no_lsm;
    PidsController pids = PidsController::none;
};
[[nodiscard]] HostFacts inspect_host(const Subject& subject, const std::optional<LocalFiles>& node);

} // namespace lpm::inspect
