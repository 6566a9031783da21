// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/sockdiag.hpp"

#include <algorithm>
#include <array>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <gtest/gtest.h>

using namespace lpm;

static std::uint32_t inode_of(int fd) {
    struct stat st{};
    return ::fstat(fd, &st) == 0 ? static_cast<std::uint32_t>(st.st_ino) : 0;
}

TEST(Sockdiag, lists_pairs_with_their_peers) {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    const Fd one(pair[0]);
    const Fd two(pair[1]);
    const auto sockets = SockDiag::open(::getpid()).value().list_unix(100'000);
    ASSERT_TRUE(sockets) << sockets.error().text;
    const auto at = std::ranges::find(*sockets, inode_of(one.get()), &UnixSocket::inode);
    ASSERT_NE(at, sockets->end());
    EXPECT_EQ(at->peer, inode_of(two.get()));
    EXPECT_EQ(at->type, SOCK_STREAM);
    EXPECT_FALSE(at->waiting);
}

TEST(Sockdiag, tells_who_waits_for_a_listener) {
    const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "lpm-test-" + std::to_string(::getpid());
    name.copy(address.sun_path + 1, name.size()); // an abstract name
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const auto* as_address = reinterpret_cast<const sockaddr*>(&address);
    ASSERT_EQ(::bind(listener.get(), as_address, size), 0);
    ASSERT_EQ(::listen(listener.get(), 5), 0);
    const Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.get(), as_address, size), 0);
    const auto sockets = SockDiag::open(::getpid()).value().list_unix(100'000).value();
    const auto waits = std::ranges::find(sockets, inode_of(client.get()), &UnixSocket::inode);
    const auto listens = std::ranges::find(sockets, inode_of(listener.get()), &UnixSocket::inode);
    ASSERT_NE(waits, sockets.end());
    ASSERT_NE(listens, sockets.end());
    EXPECT_TRUE(waits->waiting);
    EXPECT_TRUE(listens->listening);
    EXPECT_EQ(listens->name, "@" + name);
    EXPECT_EQ(listens->clients, std::vector<std::uint32_t>{waits->inode});
}

namespace {
// A listener on the loopback address and a client that it has not accepted.
struct Pair {
    Pair(int domain, const sockaddr* address, socklen_t size)
        : listener(::socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0)),
          client(::socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage bound{};
        socklen_t length = sizeof(bound);
        connected = ::bind(listener.get(), address, size) == 0 && ::listen(listener.get(), 5) == 0 &&
                    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound), &length) == 0 &&
                    ::connect(client.get(), reinterpret_cast<const sockaddr*>(&bound), length) == 0;
    }
    Fd listener;
    Fd client;
    bool connected = false;
};
} // namespace

static void expect_tcp(int domain, const Pair& pair, const std::string& host) {
    std::optional<TcpSocket> listens;
    std::optional<TcpSocket> client;
    const auto diag = SockDiag::open(::getpid()).value();
    const Deadline deadline(std::chrono::seconds(10));
    const auto look = [&](std::uint32_t states) {
        listens.reset();
        client.reset();
        const auto listed = diag.each_tcp(domain, states, deadline, [&](const TcpSocket& socket) {
            if (socket.inode == inode_of(pair.listener.get()))
                listens = socket;
            if (socket.inode == inode_of(pair.client.get()))
                client = socket;
        });
        ASSERT_TRUE(listed) << listed.error().text;
    };
    look(1U << 1U | 1U << 10U);
    ASSERT_TRUE(listens && client);
    EXPECT_EQ(listens->state, 10U);
    EXPECT_EQ(listens->waiting, 1U);
    EXPECT_EQ(client->state, 1U);
    EXPECT_TRUE(client->remote.text().starts_with(host + ":")) << client->remote.text();
    EXPECT_EQ(client->remote.text(), listens->local.text());
    look(1U << 10U);
    EXPECT_TRUE(listens && !client) << "the kernel leaves out the others";
    EXPECT_FALSE(diag.each_tcp(domain, ~0U, Deadline(std::chrono::seconds(0)), [](const TcpSocket&) {}));
}

TEST(Sockdiag, lists_tcp) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const Pair pair(AF_INET, reinterpret_cast<const sockaddr*>(&four), sizeof(four));
    ASSERT_TRUE(pair.connected);
    expect_tcp(AF_INET, pair, "127.0.0.1");
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_addr = IN6ADDR_LOOPBACK_INIT;
    const Pair other(AF_INET6, reinterpret_cast<const sockaddr*>(&six), sizeof(six));
    if (other.connected) // else the node has no IPv6
        expect_tcp(AF_INET6, other, "[::1]");
}

TEST(Sockdiag, reads_addresses) {
    EXPECT_EQ((InetEnd{{htonl(0xc0000201)}, 80, false}.text()), "192.0.2.1:80");
    EXPECT_EQ((InetEnd{{0, 0, htonl(0xffff), htonl(0xc0000201)}, 80, true}.text()), "192.0.2.1:80");
    EXPECT_EQ((InetEnd{{htonl(0x20010db8), 0, 0, htonl(1)}, 22, true}.text()), "[2001:db8::1]:22");
}

TEST(Sockdiag, asks_a_copy_of_a_socket_what_it_is) {
    const Fd raw(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto pidfd = open_pidfd(::getpid());
    ASSERT_TRUE(pidfd) << pidfd.error().text;
    const auto copy = borrow_fd(pidfd->get(), raw.get());
    ASSERT_TRUE(copy) << copy.error().text;
    const auto kind = socket_kind(copy->get());
    ASSERT_TRUE(kind);
    EXPECT_EQ(kind->domain, AF_INET);
    EXPECT_EQ(kind->type, SOCK_STREAM);
    EXPECT_EQ(kind->protocol, 6);
    EXPECT_FALSE(borrow_fd(pidfd->get(), 1'000'000));
}

TEST(Sockdiag, stops_at_what_is_cut_short) {
    std::vector<UnixSocket> sockets;
    EXPECT_FALSE(parse_unix_diag("", sockets));
    EXPECT_TRUE(parse_unix_diag("short", sockets));
    EXPECT_TRUE(parse_unix_diag(std::string(64, '\xff'), sockets));
    EXPECT_TRUE(sockets.empty());
}
