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

bool is_fuse(const procfs::Mount& mount) {
    return mount.type == "fuse" || mount.type == "fuseblk" || mount.type == "virtiofs" ||
           mount.type.starts_with("fuse.");
}

// Where in the kernel; empty when it does not tell.
static std::string read_waits_in(pid_t thread) {
    auto name = procfs::read_proc(thread, "wchan");
    return name && *name != "0" ? *std::move(name) : std::string();
}

// A compiler may have put one of these into another.
static bool waits_for_fuse(const std::string& waits_in) {
    static constexpr std::string_view places[] = {"request_wait_answer", "__fuse_request_send",
                                                  "__fuse_simple_request"};
    return std::ranges::any_of(places, [&](std::string_view place) { return waits_in.starts_with(place); });
}

// In the container's own frozen cgroup nothing waits so, but reads as if it did.
void note_waiting(Walk& walk, const Process& process, pid_t thread, char state) {
    if (walk.container.frozen || (state != 'D' && (state != 'S' || !walk.fuse)))
        return;
    if (state == 'S') {
        const auto waits_in = read_waits_in(thread);
        if (waits_in.empty() && !walk.workload.waiting_gap)
            walk.workload.waiting_gap = Gap{Gap::Why::waits_not_told};
        if (!waits_for_fuse(waits_in))
            return;
    }
    if (const auto status = procfs::read_status(thread))
        walk.waiting.push_back({process, thread, status->switches});
    else
        note_unread(walk.workload.waiting_gap, status.error());
}

// It has not run since.
static bool waits_still(const Waiting& waiting) {
    const auto status = procfs::read_status(waiting.thread);
    return status && status->switches == waiting.switches && (status->state == 'D' || status->state == 'S');
}

// Who reads a disk waits so all the time, but each time for some milliseconds; who writes more than it takes,
// for up to 200 (mm/page-writeback.c). CRIU waits for ten seconds. The judging of all that was found needs
// the rest of the time.
void find_uninterruptible(Walk& walk) {
    constexpr std::chrono::milliseconds pause{20};
    constexpr int looks = 20;
    constexpr std::chrono::milliseconds rest{200};
    std::erase_if(walk.waiting, [&](const Waiting& one) { return walk.in_vfork.contains(one.process.pid); });
    for (int look = 0; look < looks && !walk.waiting.empty(); ++look) {
        if (walk.options.deadline.left() < rest) {
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
