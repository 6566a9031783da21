// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
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

struct InetEnd {
    std::array<std::uint32_t, 4> address{}; // as on the wire; of IPv4 the first
    std::uint16_t port = 0;                 // in host order
    bool v6 = false;
    [[nodiscard]] std::string text() const; // "192.0.2.1:80", "[2001:db8::1]:80"
};
struct TcpSocket {
    std::uint32_t inode = 0;   // 0: no process holds it
    unsigned state = 0;        // TCP_ESTABLISHED 1 ... TCP_LISTEN 10, TCP_CLOSING 11 (net/tcp_states.h)
    std::uint32_t waiting = 0; // of a listening socket: connections nobody has accepted
    InetEnd local{};
    InetEnd remote{};
};
using SeeTcp = std::function<void(const TcpSocket&)>;
// As parse_unix_diag.
[[nodiscard]] bool parse_inet_diag(std::string_view answer, const SeeTcp& see);

// Asks the kernel about the sockets of a network namespace. Another task enters the namespace for a moment;
// this one never does, and what it starts later is where it was.
class SockDiag {
  public:
    // Of the namespace of `pid`.
    [[nodiscard]] static Result<SockDiag> open(pid_t pid);

    // At most `limit`.
    [[nodiscard]] Result<std::vector<UnixSocket>> list_unix(std::size_t limit) const;
    // `domain`: AF_INET or AF_INET6. Those in `states` only, a bit for each: the kernel leaves out the
    // others, of which there may be 100,000 in TIME_WAIT. An error when that was not done by the deadline.
    [[nodiscard]] Result<> each_tcp(int domain, std::uint32_t states, const Deadline& deadline,
                                    const SeeTcp& see) const;

  private:
    explicit SockDiag(Fd&& socket) : socket_(std::move(socket)) {}
    Fd socket_;
};

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
