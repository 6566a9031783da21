// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Threads that neither the freezer nor ptrace(2) stops while they wait: in state D, as for a disk or a dead
// NFS server; and for a FUSE daemon, where a signal ends the interruptible part of the wait only
// (fs/fuse/dev.c).
#include <algorithm>
#include <chrono>
#include <thread>

#include "inspect/container_walk.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

static std::string read_waits_in(pid_t thread) {
    auto name = procfs::read_proc(thread, "wchan");
    return name && *name != "0" ? *std::move(name) : std::string();
}

static bool waits_for_fuse(const std::string& waits_in) {
    return waits_in.starts_with("request_wait_answer") || waits_in.contains("fuse_");
}

static bool is_fuse(const procfs::Mount& mount) {
    return mount.type == "fuse" || mount.type == "fuseblk" || mount.type.starts_with("fuse.");
}

// In a cgroup that is frozen nothing waits so, but reads as if it did.
void note_waiting(Walk& walk, const Process& process, pid_t thread, char state) {
    if (walk.container.frozen)
        return;
    const bool for_fuse = state == 'S' && std::ranges::any_of(walk.container.mounts, is_fuse) &&
                          waits_for_fuse(read_waits_in(thread));
    if (state != 'D' && !for_fuse)
        return;
    if (const auto status = procfs::read_status(thread))
        walk.waiting.push_back({process, thread, status->switches});
}

static bool waits_still(const Waiting& waiting) {
    const auto status = procfs::read_status(waiting.thread);
    return status && status->switches == waiting.switches && (status->state == 'D' || status->state == 'S');
}

// Who reads a disk waits so all the time, but each time for some milliseconds.
void find_uninterruptible(Walk& walk) {
    constexpr std::chrono::milliseconds pause{20};
    constexpr int looks = 5; // and the gate tries again
    std::erase_if(walk.waiting, [&](const Waiting& one) { return walk.in_vfork.contains(one.process.pid); });
    for (int look = 0; look < looks && !walk.waiting.empty(); ++look) {
        if (walk.options.deadline.passed()) {
            walk.workload.waiting_gap = Gap{Gap::Why::processes};
            return;
        }
        std::this_thread::sleep_for(pause);
        std::erase_if(walk.waiting, [](const Waiting& one) { return !waits_still(one); });
    }
    for (const auto& [process, thread, switches] : walk.waiting) {
        std::string where = thread == process.pid ? "" : "thread " + std::to_string(thread) + ", ";
        const auto waits_in = read_waits_in(thread);
        where += waits_in.empty() ? "where is not told" : "in " + waits_in;
        walk.workload[Item::uninterruptible].add({process.pid, process.name, -1, std::move(where)});
    }
}

} // namespace lpm::inspect
