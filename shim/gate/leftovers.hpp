// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/types.h>
#include <vector>

#include "base/fd.hpp"

// What a checkpoint or restore that was cut off may leave running or behind.
namespace lpm::gate {

// CRIUs that run: one of ours, known by the log that it writes, and one of somebody else's; 0: none.
struct Running {
    pid_t ours = 0;
    pid_t other = 0;
};
[[nodiscard]] Running find_criu(const struct stat& log);

// The runtime has a CRIU that has ended, and has not asked how.
[[nodiscard]] bool has_dead_criu(pid_t runtime);

// Ends what a CRIU that is dead has left of itself, known by the log: it probes the kernel with children, and
// moves threads between cgroups with another.
void end_helpers(const struct stat& log);

// Processes of a container, as messages name them: "12 (redis-server)".
struct TaskLeftovers {
    std::vector<std::string> traced; // by a CRIU
    std::vector<std::string> stopped;
    std::vector<std::string> infected; // CRIU's code is still mapped
};
// `cut`: CRIU has not ended by itself. Only then are mappings read, of which a process may have very many.
[[nodiscard]] TaskLeftovers look_at_tasks(const std::vector<pid_t>& pids, bool cut);

// The first process of a PID namespace that was made during a restore.
struct Orphan {
    pid_t pid = 0;
    std::string name; // "12 (redis-server)"
    Fd handle;        // a pidfd
};
// Those in the container's own cgroup that are not older than `since`, in clock ticks after boot. Nobody but
// the restore can have made them: the runtime wants the cgroup empty when it begins.
[[nodiscard]] std::vector<Orphan> find_orphans(std::string_view cgroups_path, std::string_view id,
                                               std::uint64_t since);
// Kills it, and with it all of its PID namespace. False when it is still there after a moment.
[[nodiscard]] bool end_orphan(const Orphan& orphan);

} // namespace lpm::gate
