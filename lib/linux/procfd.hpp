// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/result.hpp"

// /proc/PID/fd and /proc/PID/fdinfo.
namespace lpm::procfs {

struct FdInfo {
    std::optional<unsigned> terminal;   // of the master of a pseudo terminal: tty-index
    std::optional<int> mount;           // mnt_id
    std::string interface;              // of a tun device: iff
    unsigned flags = 0;                 // O_*, printed in octal
    std::optional<pid_t> pid;           // of a pidfd: Pid; -1 when the process has ended
    std::vector<int> targets;           // of an epoll descriptor: tfd of each that it watches
    std::vector<std::uint64_t> watched; // of inotify and fanotify: sdev of each watch, as st_dev has it
};
// At most 4096 watches and as many targets are kept. A fanotify mark of a mount names no device and is left
// out.
[[nodiscard]] FdInfo parse_fdinfo(std::string_view text);
[[nodiscard]] Result<FdInfo> read_fdinfo(pid_t pid, int fd);

// What /proc/PID/fd/N points at: a path, or "pipe:[1234]".
[[nodiscard]] Result<std::string> read_fd_link(pid_t pid, int fd);

// The number in "socket:[1234]" for kind "socket"; nothing when the link is of another kind.
[[nodiscard]] std::optional<std::uint64_t> inode_of_link(std::string_view link, std::string_view kind);

} // namespace lpm::procfs
