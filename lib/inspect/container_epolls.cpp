// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cerrno>
#include <linux/kcmp.h>
#include <map>
#include <sys/syscall.h>
#include <unistd.h>

#include "inspect/container_walk.hpp"
#include "linux/procfd.hpp"

namespace lpm::inspect {

// Calls of kcmp for one process. Each number that is not open any more costs one for each that is.
static constexpr std::size_t max_compared = 100'000;

namespace {

class Epolls {
  public:
    // `descriptors` are sorted.
    Epolls(Walk& walk, const Process& process, const std::vector<int>& descriptors)
        : walk_(walk), process_(process), descriptors_(descriptors) {}

    // False: no more can be looked at.
    bool look(int epoll) {
        const auto info = procfs::read_fdinfo(process_.pid, epoll);
        if (!info) {
            note_unread(walk_.workload.epolls_gap, info.error());
            return true;
        }
        std::map<int, unsigned> seen;
        for (const int target : info->targets) {
            const unsigned nth = seen[target]++;
            if (std::ranges::binary_search(descriptors_, target))
                continue;
            const auto open = is_open(epoll, target, nth);
            if (!open) {
                note_unread(walk_.workload.epolls_gap, open.error());
                return false;
            }
            if (*open)
                continue;
            walk_.workload[Item::epoll_elsewhere].add(
                {process_.pid, process_.name, epoll, "watches descriptor " + std::to_string(target)});
            return true;
        }
        return true;
    }

  private:
    // What `epoll` watches as `target` (its `nth` of that number) is open in the process: by that number,
    // which it has got since its descriptors were listed, or by another one. True as well when it is watched
    // no more.
    Result<bool> is_open(int epoll, int target, unsigned nth) {
        kcmp_epoll_slot slot{static_cast<__u32>(epoll), static_cast<__u32>(target), nth};
        const auto is = [&](int number) -> Result<bool> {
            ++compared_;
            const long order = ::syscall(SYS_kcmp, process_.pid, process_.pid, KCMP_EPOLL_TFD, number, &slot);
            if (order >= 0)
                return order == 0;
            if (errno == ENOENT)
                return true;
            return errno == EBADF ? Result<bool>(false) : fail_errno(errno, "kcmp");
        };
        TRY_ASSIGN(const bool itself, is(target));
        if (itself)
            return true;
        for (const int number : descriptors_) {
            if (compared_ > max_compared || (compared_ % 1024 == 0 && walk_.options.deadline.passed()))
                return fail(Errc::unavailable, "too many descriptors to compare");
            TRY_ASSIGN(const bool same, is(number));
            if (same)
                return true;
        }
        return false;
    }

    Walk& walk_;
    const Process& process_;
    const std::vector<int>& descriptors_;
    std::size_t compared_ = 0;
};

} // namespace

// Whoever inherits an epoll descriptor need not have open what it watches. CRIU looks for that in the same
// process only (criu/eventpoll.c).
void walk_epolls(Walk& walk, const Process& process, const std::vector<int>& epolls,
                 std::vector<int>&& descriptors) {
    std::ranges::sort(descriptors);
    Epolls all(walk, process, descriptors);
    for (const int epoll : epolls)
        if (walk.options.deadline.passed() || !all.look(epoll)) {
            if (!walk.workload.epolls_gap)
                walk.workload.epolls_gap = Gap{Gap::Why::descriptors};
            return;
        }
}

} // namespace lpm::inspect
