// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/sockdiag.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.hpp"
#include "linux/namespace.hpp"
#include "linux/netlink.hpp"

namespace lpm {

namespace {

constexpr std::uint8_t listening_state = 10; // TCP_LISTEN, which unix sockets use too

template <class Body> struct Request {
    nlmsghdr header{};
    Body body{};
};

// Sends the request, and calls more(answer) until it returns false or the kernel has no more.
template <class Body, class More>
Result<> dump(int socket, Request<Body>& request, std::string_view what, More more) {
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    int error = 0;
    const std::string_view bytes(reinterpret_cast<const char*>(&request), sizeof(request));
    TRY(netlink::ask(socket, bytes, what, [&](std::string_view answer) {
        error = netlink::error_of(answer);
        return error == 0 && more(answer);
    }));
    return error == 0 ? Result<>() : fail_errno(error, "list " + std::string(what));
}

void read_attributes(std::string_view attributes, UnixSocket& socket) {
    bool has_peer = false;
    std::uint8_t shut = 0;
    netlink::each_attribute(attributes, [&](int type, std::string_view value) {
        if (type == UNIX_DIAG_PEER) {
            has_peer = netlink::read_struct(value, socket.peer);
        } else if (type == UNIX_DIAG_SHUTDOWN) {
            (void)netlink::read_struct(value, shut);
        } else if (type == UNIX_DIAG_ICONS) {
            std::uint32_t client = 0;
            for (std::size_t at = 0; netlink::read_struct(value.substr(at), client); at += sizeof(client))
                socket.clients.push_back(client);
        } else if (type == UNIX_DIAG_NAME) {
            socket.name = value;
            if (!socket.name.empty() && socket.name.front() == '\0')
                socket.name.front() = '@';
            while (socket.name.ends_with('\0'))
                socket.name.pop_back();
        }
    });
    // A peer without an inode has been closed, which shuts this end down, or was not accepted yet.
    socket.waiting = has_peer && socket.peer == 0 && shut == 0 && socket.type != SOCK_DGRAM;
}

} // namespace

bool parse_unix_diag(std::string_view answer, std::vector<UnixSocket>& to) {
    return netlink::each_message(answer, [&to](const nlmsghdr&, std::string_view body) {
        unix_diag_msg message{};
        if (!netlink::read_struct(body, message))
            return;
        UnixSocket socket;
        socket.inode = message.udiag_ino;
        socket.type = message.udiag_type;
        socket.listening = message.udiag_state == listening_state;
        read_attributes(body.substr(sizeof(message)), socket);
        to.push_back(std::move(socket));
    });
}

std::string InetEnd::text() const {
    const bool mapped = v6 && address[0] == 0 && address[1] == 0 && address[2] == htonl(0xffff);
    std::array<char, INET6_ADDRSTRLEN> text{};
    (void)::inet_ntop(v6 && !mapped ? AF_INET6 : AF_INET, mapped ? &address[3] : address.data(), text.data(),
                      text.size());
    const std::string name = text.data();
    return (v6 && !mapped ? "[" + name + "]" : name) + ":" + std::to_string(port);
}

bool parse_inet_diag(std::string_view answer, const SeeTcp& see) {
    return netlink::each_message(answer, [&see](const nlmsghdr&, std::string_view body) {
        inet_diag_msg message{};
        if (!netlink::read_struct(body, message))
            return;
        TcpSocket socket{.inode = message.idiag_inode, .state = message.idiag_state};
        if (socket.state == listening_state)
            socket.waiting = message.idiag_rqueue;
        socket.local.v6 = socket.remote.v6 = message.idiag_family == AF_INET6;
        std::ranges::copy(message.id.idiag_src, socket.local.address.begin());
        std::ranges::copy(message.id.idiag_dst, socket.remote.address.begin());
        socket.local.port = ntohs(message.id.idiag_sport);
        socket.remote.port = ntohs(message.id.idiag_dport);
        see(socket);
    });
}

Result<SockDiag> SockDiag::open(pid_t pid) {
    TRY_ASSIGN(const Fd net, open_at(AT_FDCWD, "/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY));
    TRY_ASSIGN(Fd socket, socket_in(net.get(), AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
    return SockDiag(std::move(socket));
}

Result<> SockDiag::each_tcp(int domain, std::uint32_t states, const Deadline& deadline,
                            const SeeTcp& see) const {
    Request<inet_diag_req_v2> request;
    request.body.sdiag_family = static_cast<std::uint8_t>(domain);
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = states;
    bool late = false;
    TRY(dump(socket_.get(), request, "TCP sockets", [&](std::string_view answer) {
        late = deadline.passed();
        return !late && parse_inet_diag(answer, see);
    }));
    return late ? fail(Errc::unavailable, "the TCP sockets were not listed within the deadline") : Result<>();
}

Result<std::vector<UnixSocket>> SockDiag::list_unix(std::size_t limit) const {
    Request<unix_diag_req> request;
    request.body.sdiag_family = AF_UNIX;
    request.body.udiag_states = UINT32_MAX;
    request.body.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS;
    std::vector<UnixSocket> sockets;
    TRY(dump(socket_.get(), request, "unix sockets", [&](std::string_view answer) {
        return parse_unix_diag(answer, sockets) && sockets.size() <= limit;
    }));
    if (sockets.size() > limit)
        return fail(Errc::unavailable, "there are more than " + std::to_string(limit) + " unix sockets");
    return sockets;
}

Result<Fd> open_pidfd(pid_t pid) {
    const long fd = ::syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? fail_errno(errno, "pidfd_open") : Result<Fd>(Fd(static_cast<int>(fd)));
}

Result<Fd> borrow_fd(int pidfd, int fd) {
    const long own = ::syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    return own < 0 ? fail_errno(errno, "pidfd_getfd") : Result<Fd>(Fd(static_cast<int>(own)));
}

Result<SocketKind> socket_kind(int fd) {
    SocketKind kind;
    const auto ask = [fd](int option, int& to) {
        socklen_t size = sizeof(to);
        return ::getsockopt(fd, SOL_SOCKET, option, &to, &size) == 0;
    };
    if (!ask(SO_DOMAIN, kind.domain) || !ask(SO_TYPE, kind.type) || !ask(SO_PROTOCOL, kind.protocol))
        return fail_errno(errno, "getsockopt");
    return kind;
}

Result<Fd> socket_in(int net, int domain, int type, int protocol) {
    int socket = -1;
    int error = 0;
    TRY(run_in_namespace(net, CLONE_NEWNET, [&] {
        socket = ::socket(domain, type | SOCK_CLOEXEC, protocol);
        error = errno;
    }));
    if (socket < 0)
        return fail_errno(error, "open a socket in another network namespace");
    return Fd(socket);
}

} // namespace lpm
