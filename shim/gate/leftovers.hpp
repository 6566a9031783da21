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

// Children of the runtime that have ended, and it has not asked how: its CRIU, the first process of a PID
// namespace.
struct DeadChildren {
    bool criu = false;
    bool first = false;
};
[[nodiscard]] DeadChildren find_dead_children(pid_t runtime);

// Who the parents may be of processes that a call has made: its runtime, and who gets the children of the
// runtime and of CRIU when these are gone, which is one of our ancestors or the runtime itself.
struct Lineage {
    std::vector<pid_t> parents;
    std::uint64_t start = 0; // of the runtime, in clock ticks after boot; 0: not known, and nothing is ours
    [[nodiscard]] bool has_made(pid_t pid) const;
};
[[nodiscard]] Lineage lineage_of(pid_t runtime);

// Ends this call's CRIU, known by its log, or what a dead one has left of itself: it probes the kernel with
// children, and moves threads between cgroups with another. Their names.
[[nodiscard]] std::vector<std::string> end_criu(const struct stat& log, const Lineage& lineage);

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
// Those of this call in the container's own cgroup. Another container may have been given the same cgroup:
// what the runtime knows is none.
[[nodiscard]] std::vector<Orphan> find_orphans(std::string_view cgroups_path, std::string_view id,
                                               const Lineage& lineage);
// Kills it, and with it all of its PID namespace. False when it is still there after a moment.
[[nodiscard]] bool end_orphan(const Orphan& orphan);

} // namespace lpm::gate
