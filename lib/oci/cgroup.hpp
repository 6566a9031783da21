// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string_view>

namespace lpm::oci {

// Whether a process with this /proc/PID/cgroup is in the cgroup, or below it, that a runtime makes for a
// container with this linux.cgroupsPath: a path, "slice:prefix:name" for systemd's driver, or nothing for the
// runtime's own choice.
[[nodiscard]] bool in_cgroup_of(std::string_view proc_cgroup, std::string_view cgroups_path,
                                std::string_view id);

} // namespace lpm::oci
