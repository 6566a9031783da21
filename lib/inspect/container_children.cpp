// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// CRIU freezes the container's cgroup and then follows the children (criu/seize.c): one that was moved to
// another cgroup is not stopped, and CRIU gives up on it.
#include <string_view>

#include "base/text.hpp"
#include "inspect/container_walk.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

void note_children(Walk& walk, const Process& process, pid_t thread) {
    const auto children = procfs::read_children(thread);
    if (!children)
        return note_unread(walk.workload.children_gap, children.error());
    for (const pid_t child : *children) {
        if (walk.pids.contains(child))
            continue;
        if (walk.strangers.size() >= max_processes) {
            walk.workload.children_gap = Gap{Gap::Why::too_many_processes};
            return;
        }
        walk.strangers.try_emplace(child, process.pid);
    }
}

// Of the hierarchy by which the runtime knows the container, as the kernel names it.
static Result<std::string> read_cgroup(pid_t pid, bool unified) {
    TRY_ASSIGN(const std::string text, procfs::read_proc(pid, "cgroup"));
    for (std::string_view rest = text; !rest.empty();) {
        auto line = next_line(rest);
        (void)next_part(line, ':');
        if (next_part(line, ':') == (unified ? "" : "freezer"))
            return std::string(line);
    }
    return fail(Errc::unavailable, "the cgroup of process " + std::to_string(pid) + " is not told");
}

// The container's cgroup, as the kernel names it: init is in it or below.
static Result<std::string> find_home(const oci::State& state) {
    TRY_ASSIGN(std::string home, read_cgroup(state.init, state.unified));
    while (!home.empty() && !state.freezer.ends_with(home))
        home.resize(home.rfind('/') == std::string::npos ? 0 : home.rfind('/'));
    if (home.size() <= 1)
        return fail(Errc::unavailable, "the container's cgroup is not told");
    return home;
}

// Most have been started since the processes were listed, and are where their parents are.
void find_moved(Walk& walk) {
    if (walk.strangers.empty())
        return;
    const oci::State& state = *walk.container.state;
    const auto home = find_home(state);
    if (!home)
        return note_unread(walk.workload.children_gap, home.error());
    for (const auto& [child, parent] : walk.strangers) {
        if (walk.options.deadline.passed()) {
            walk.workload.children_gap = Gap{Gap::Why::processes};
            return;
        }
        const auto there = read_cgroup(child, state.unified);
        const auto stat = procfs::read_stat(child);
        if (!there || !stat) {
            note_unread(walk.workload.children_gap, there ? stat.error() : there.error());
            continue;
        }
        // A zombie is in no cgroup that counts, and a number may be another process's by now.
        if (!is_below(*there, *home) && !stat->ended() && stat->parent == parent)
            walk.workload[Item::other_cgroup].add({child, name_of_process(child), -1, *there});
    }
}

} // namespace lpm::inspect
