// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/threads.hpp"

#include <cerrno>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace lpm {

static int type_of(Shared what) {
    switch (what) {
    case Shared::files:
        return KCMP_FILES;
    case Shared::fs:
        return KCMP_FS;
    case Shared::memory:
        break;
    }
    return KCMP_VM;
}

Result<bool> share(pid_t one, pid_t other, Shared what) {
    const long order = ::syscall(SYS_kcmp, one, other, type_of(what), 0, 0);
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
