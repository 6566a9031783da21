// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Sockets.
#include "holder.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <cstring>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace holder {

// On the loopback, with a port that the kernel chose.
static int tcp_listener(sockaddr_in& at, int protocol) {
    const int listener = static_cast<int>(must(socket(AF_INET, SOCK_STREAM, protocol), "socket"));
    at = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof at;
    must(bind(listener, reinterpret_cast<sockaddr*>(&at), size), "bind");
    must(listen(listener, 8), "listen");
    must(getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), "getsockname");
    return listener;
}

static int tcp_client(const sockaddr_in& to, int protocol) {
    const int client = static_cast<int>(must(socket(AF_INET, SOCK_STREAM, protocol), "socket"));
    must(connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to), "connect");
    return client;
}

// tcp listening | connected | half-closed | backlog
static void hold_tcp(const std::string& argument) {
    sockaddr_in at;
    const int listener = tcp_listener(at, 0);
    if (argument == "listening")
        return;
    const int client = tcp_client(at, 0);
    if (argument == "backlog") { // nobody's any more, but the other end waits to be accepted
        close(client);
        return;
    }
    const int server = static_cast<int>(must(accept(listener, nullptr, nullptr), "accept"));
    close(listener);
    if (argument == "half-closed")
        must(shutdown(server, SHUT_WR), "shutdown");
    else if (argument != "connected")
        unknown(argument);
}

// tcp-until PATH: a child is connected to itself until PATH exists.
static void hold_tcp_until(const std::string& path) {
    hold_tcp("connected");
    must(signal(SIGCHLD, SIG_IGN) == SIG_ERR ? -1 : 0, "signal"); // the kernel reaps it
    if (must(fork(), "fork") == 0) {
        while (access(path.c_str(), F_OK) != 0)
            usleep(50'000);
        _exit(0);
    }
    must(close_range(3, ~0U, 0), "close_range");
}

static void hold_mptcp(const std::string&) {
    sockaddr_in at;
    tcp_listener(at, IPPROTO_MPTCP);
}

// family vsock | xdp | udp | raw | packet
static void hold_family(const std::string& argument) {
    if (argument == "vsock")
        must(socket(AF_VSOCK, SOCK_STREAM, 0), "socket");
    else if (argument == "xdp")
        must(socket(AF_XDP, SOCK_RAW, 0), "socket");
    else if (argument == "udp")
        must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    else if (argument == "raw")
        must(socket(AF_INET, SOCK_RAW, IPPROTO_UDP), "socket");
    else if (argument == "packet")
        must(socket(AF_PACKET, SOCK_RAW, 0), "socket");
    else
        unknown(argument);
}

static sockaddr_un unix_address(const std::string& path) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strncpy(at.sun_path, path.c_str(), sizeof at.sun_path - 1);
    return at;
}

static int unix_client(int type, const std::string& path) {
    const auto at = unix_address(path);
    const int client = static_cast<int>(must(socket(AF_UNIX, type, 0), "socket"));
    must(connect(client, reinterpret_cast<const sockaddr*>(&at), sizeof at), "connect");
    return client;
}

static int unix_server(int type, const std::string& path) {
    const auto at = unix_address(path);
    const int server = static_cast<int>(must(socket(AF_UNIX, type, 0), "socket"));
    must(bind(server, reinterpret_cast<const sockaddr*>(&at), sizeof at), "bind");
    return server;
}

// unix-stream PATH: a client of somebody else's socket. unix-own PATH: both ends are here.
static void hold_unix_stream(const std::string& path) {
    unix_client(SOCK_STREAM, path);
}

static void hold_unix_datagram(const std::string& path) {
    unix_client(SOCK_DGRAM, path);
}

static void hold_unix_own(const std::string& path) {
    const int listener = unix_server(SOCK_STREAM, path);
    must(listen(listener, 8), "listen");
    unix_client(SOCK_STREAM, path);
    must(accept(listener, nullptr, nullptr), "accept");
}

// netlink unread | read
static void hold_netlink(const std::string& argument) {
    const int link = static_cast<int>(must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "socket"));
    struct {
        nlmsghdr head;
        ifinfomsg body;
    } ask{};
    ask.head.nlmsg_len = sizeof ask;
    ask.head.nlmsg_type = RTM_GETLINK;
    ask.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    must(send(link, &ask, sizeof ask, 0), "send");
    if (argument == "unread")
        return;
    char answer[65536];
    do
        must(recv(link, answer, sizeof answer, 0), "recv");
    while (reinterpret_cast<nlmsghdr*>(answer)->nlmsg_type != NLMSG_DONE);
}

// multicast joined | not: sockets that are in a group each, by the loopback, or not
static void hold_multicast(const std::string& argument) {
    const int four = static_cast<int>(must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    const int six = static_cast<int>(must(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(5353);
    must(bind(four, reinterpret_cast<sockaddr*>(&any), sizeof any), "bind");
    sockaddr_in6 any6{};
    any6.sin6_family = AF_INET6;
    any6.sin6_port = htons(5354);
    must(bind(six, reinterpret_cast<sockaddr*>(&any6), sizeof any6), "bind");
    if (argument == "not")
        return;
    if (argument != "joined")
        unknown(argument);
    constexpr int loopback = 1;
    ip_mreqn group{};
    inet_pton(AF_INET, "239.1.2.3", &group.imr_multiaddr);
    group.imr_ifindex = loopback;
    must(setsockopt(four, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group), "IP_ADD_MEMBERSHIP");
    ipv6_mreq group6{};
    inet_pton(AF_INET6, "ff02::1234", &group6.ipv6mr_multiaddr);
    group6.ipv6mr_interface = loopback;
    must(setsockopt(six, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group6, sizeof group6), "IPV6_JOIN_GROUP");
}

static constexpr Case cases[] = {
    {"tcp", hold_tcp},
    {"tcp-until", hold_tcp_until},
    {"mptcp", hold_mptcp},
    {"family", hold_family},
    {"unix-stream", hold_unix_stream},
    {"unix-datagram", hold_unix_datagram},
    {"multicast", hold_multicast},
    {"unix-own", hold_unix_own},
    {"netlink", hold_netlink},
};
const std::span<const Case> network = cases;

} // namespace holder
