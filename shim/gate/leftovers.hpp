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

// Or ourselves: who may have got the children of the runtime and of CRIU when these were gone.
[[nodiscard]] bool is_ancestor(pid_t pid);

// The runtime that a call has started.
struct Delegate {
    pid_t pid = 0;
    std::uint64_t start = 0; // in clock ticks after boot; 0: not known, and then nothing is of this call
};
// The process is younger than the runtime, and its child, or that of who gets its children, and CRIU's, when
// they are gone: one of our ancestors.
[[nodiscard]] bool has_made(const Delegate& delegate, pid_t pid);

// Kills what a pidfd holds. False when it is still there after a moment.
[[nodiscard]] bool end_process(const Fd& handle);

// Ends this call's CRIU, known by its log, or what a dead one has left of itself: it probes the kernel with
// children, and moves threads between cgroups with another. Their names.
[[nodiscard]] std::vector<std::string> end_criu(const struct stat& log, const Delegate& delegate);

// Processes of a container, as messages name them: "12 (redis-server)".
struct TaskLeftovers {
    std::vector<std::string> traced; // by a CRIU
    std::vector<std::string> stopped;
    std::vector<std::string> infected; // CRIU's code is still mapped
};
// `cut`: CRIU has not ended by itself. Only then are mappings read, of which a process may have very many.
[[nodiscard]] TaskLeftovers look_at_tasks(const std::vector<pid_t>& pids, bool cut);

// The first process of a PID namespace that was made during a restore; with it all of the namespace ends.
struct Orphan {
    pid_t pid = 0;
    std::string name; // "12 (redis-server)"
    Fd handle;        // a pidfd
};
// Those of this call in the container's own cgroup. Another container may have been given the same cgroup:
// what the runtime knows is none.
[[nodiscard]] std::vector<Orphan> find_orphans(std::string_view cgroups_path, std::string_view id,
                                               const Delegate& delegate);

} // namespace lpm::gate
