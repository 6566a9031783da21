// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "cleanup/processes.hpp"

#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.hpp"

namespace lpm::gate {

Delegate delegate_of(pid_t runtime) {
    const auto stat = procfs::read_stat(runtime);
    return stat ? Delegate{runtime, stat->start} : Delegate{};
}

bool is_ancestor(pid_t pid) {
    constexpr int max_ancestors = 64;
    pid_t at = ::getpid();
    for (int i = 0; at > 0 && at != pid && i < max_ancestors; ++i) {
        const auto stat = procfs::read_stat(at);
        at = stat ? stat->parent : 0;
    }
    return at > 0 && at == pid;
}

bool has_made(const Delegate& delegate, pid_t pid) {
    const auto stat = procfs::read_stat(pid);
    return delegate.start != 0 && stat && !stat->ended() && stat->start >= delegate.start &&
           (stat->parent == delegate.pid || is_ancestor(stat->parent));
}

std::string name_of(pid_t pid, const procfs::Status& status) {
    return std::to_string(pid) + " (" + one_line(status.name, 64) + ")";
}

bool end_process(const Fd& handle) {
    constexpr int patience_ms = 1000;
    if (::syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0) != 0)
        return errno == ESRCH;
    pollfd end{handle.get(), POLLIN, 0};
    return ::poll(&end, 1, patience_ms) == 1;
}

} // namespace lpm::gate
