// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <linux/kcmp.h>
#include <map>
#include <sys/syscall.h>
#include <unistd.h>

#include "inspect/container_walk.hpp"
#include "linux/procfd.hpp"

namespace lpm::inspect {

// What `epoll` watches as `target` (its `nth` of that number) is open in the process by another number.
static bool has_another_number(const Process& process, int epoll, int target, unsigned nth,
                               const std::vector<int>& descriptors) {
    kcmp_epoll_slot slot{static_cast<__u32>(epoll), static_cast<__u32>(target), nth};
    return std::ranges::any_of(descriptors, [&](int one) {
        return ::syscall(SYS_kcmp, process.pid, process.pid, KCMP_EPOLL_TFD, one, &slot) == 0;
    });
}

// Whoever inherits an epoll descriptor need not have open what it watches. CRIU looks for that in the same
// process only (criu/eventpoll.c).
void walk_epolls(Walk& walk, const Process& process, const std::vector<int>& epolls,
                 const std::vector<int>& descriptors) {
    for (const int epoll : epolls) {
        const auto info = procfs::read_fdinfo(process.pid, epoll);
        if (!info) {
            note_unread(walk.workload.gap, info.error());
            continue;
        }
        std::map<int, unsigned> seen;
        for (const int target : info->targets) {
            const unsigned nth = seen[target]++;
            if (!std::ranges::contains(descriptors, target) &&
                !has_another_number(process, epoll, target, nth, descriptors)) {
                walk.workload[Item::epoll_elsewhere].add(
                    {process.pid, process.name, epoll, "watches descriptor " + std::to_string(target)});
                break;
            }
        }
    }
}

} // namespace lpm::inspect
