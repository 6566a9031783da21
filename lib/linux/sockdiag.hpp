// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

// What the kernel tells about sockets beyond /proc: sock_diag(7), and options of sockets of other processes.
namespace lpm {

struct UnixSocket {
    std::uint32_t inode = 0;
    std::uint32_t peer = 0; // inode; 0: not connected
    int type = 0;           // SOCK_STREAM ...
    bool listening = false;
    bool waiting = false;               // connected to a listener that has not accepted it yet
    std::vector<std::uint32_t> clients; // of a listener: inodes of those that wait
    std::string name;                   // "@" stands for the NUL of an abstract name; empty: none
};

// The attributes and messages of one answer are added to `to`; false when it was the last one, or no answer.
[[nodiscard]] bool parse_unix_diag(std::string_view answer, std::vector<UnixSocket>& to);

// All unix sockets of the network namespace of `pid`, at most `limit`. Another task enters the namespace for
// a moment; this one never does, and what it starts later is where it was.
[[nodiscard]] Result<std::vector<UnixSocket>> list_unix_sockets(pid_t pid, std::size_t limit);

// A socket of another network namespace, `net` (a descriptor of it): it stays one, whoever holds it.
[[nodiscard]] Result<Fd> socket_in(int net, int domain, int type, int protocol);

// A descriptor of another process, as one of ours (pidfd_getfd, Linux 5.6). `pidfd` is of that process.
[[nodiscard]] Result<Fd> open_pidfd(pid_t pid);
[[nodiscard]] Result<Fd> borrow_fd(int pidfd, int fd);

struct SocketKind {
    int domain = 0;
    int type = 0;
    int protocol = 0;
};
[[nodiscard]] Result<SocketKind> socket_kind(int fd);

} // namespace lpm
