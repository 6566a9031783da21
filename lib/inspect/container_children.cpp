// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// CRIU freezes the container's cgroup and then follows the children (criu/seize.c): one that was moved to
// another cgroup is not stopped, and CRIU gives up on it.
#include <algorithm>
#include <string_view>

#include "base/text.hpp"
#include "inspect/container_walk.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

void note_children(Walk& walk, const Process& process, pid_t thread) {
    const auto children = procfs::read_children(thread);
    if (!children)
        return note_unread(walk.workload.children_gap, children.error());
    for (const pid_t child : *children)
        if (!walk.pids.contains(child))
            walk.strangers.try_emplace(child, process);
}

// Of the hierarchy by which the runtime knows the container, as the kernel names it.
static std::string read_cgroup(pid_t pid, bool unified) {
    const auto text = procfs::read_proc(pid, "cgroup");
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    while (!rest.empty()) {
        auto line = next_line(rest);
        (void)next_part(line, ':');
        if (next_part(line, ':') == (unified ? "" : "freezer"))
            return std::string(line);
    }
    return {};
}

// Most have been started since the processes were listed.
void find_moved(Walk& walk) {
    if (walk.strangers.empty())
        return;
    const oci::State& state = *walk.container.state;
    const auto now = oci::read_pids(state, max_processes, walk.options.deadline);
    if (!now)
        return note_unread(walk.workload.children_gap, now.error());
    std::vector<pid_t> children;
    for (const auto& [child, parent] : walk.strangers)
        if (!std::ranges::contains(*now, child))
            children.push_back(child);
    std::ranges::sort(children);
    for (const pid_t child : children) {
        const Process& parent = walk.strangers.at(child);
        const auto stat = procfs::read_stat(child);
        if (!stat || stat->ended() || stat->parent != parent.pid)
            continue;
        walk.workload[Item::other_cgroup].add(
            {child, name_of_process(child), -1, read_cgroup(child, state.unified)});
    }
}

} // namespace lpm::inspect
