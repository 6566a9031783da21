// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "cleanup/processes.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "base/dir.hpp"
#include "base/file.hpp"
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

bool same_root(const char* one, const char* other) {
    if (one == nullptr && other == nullptr)
        return true;
    return same_file(one == nullptr ? oci::default_root : one, other == nullptr ? oci::default_root : other);
}

bool makes_call(pid_t pid, const Wanted& wanted) {
    constexpr std::size_t max_words = 65536; // bytes
    const std::string folder = "/proc/" + std::to_string(pid);
    struct stat st{};
    if (::stat(folder.c_str(), &st) != 0 || st.st_uid != ::geteuid())
        return false;
    const auto text = read_file(AT_FDCWD, folder + "/cmdline", max_words);
    if (!text)
        return false;
    std::vector<const char*> words;
    for (std::string_view rest = *text; !rest.empty();) {
        words.push_back(rest.data());
        rest.remove_prefix(std::min(rest.find('\0'), rest.size() - 1) + 1);
    }
    if (!wanted(pid, oci::parse(static_cast<int>(words.size()), words.data())))
        return false;
    const auto status = procfs::read_status(pid);
    return status && status->ns_pids.size() < 2;
}

pid_t find_call(const Wanted& wanted) {
    return procfs::find_process([&](pid_t pid) { return makes_call(pid, wanted); });
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
