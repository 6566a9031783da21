// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/threads.hpp"

#include <cerrno>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace lpm {

Result<bool> share(pid_t one, pid_t other, Shared what) {
    const long order = ::syscall(SYS_kcmp, one, other, what == Shared::files ? KCMP_FILES : KCMP_FS, 0, 0);
    if (order < 0)
        return fail_errno(errno, "compare threads");
    return order == 0;
}

Result<Affinity> read_affinity(pid_t thread) {
    Affinity cpus{};
    if (::syscall(SYS_sched_getaffinity, thread, sizeof cpus, cpus.data()) < 0)
        return fail_errno(errno, "read the CPU affinity of a thread");
    return cpus;
}

} // namespace lpm
