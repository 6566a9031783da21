// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/sockdiag.hpp"

#include <algorithm>
#include <array>
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
    const auto sockets = list_unix_sockets(::getpid(), 100'000);
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
    const auto sockets = list_unix_sockets(::getpid(), 100'000).value();
    const auto waits = std::ranges::find(sockets, inode_of(client.get()), &UnixSocket::inode);
    const auto listens = std::ranges::find(sockets, inode_of(listener.get()), &UnixSocket::inode);
    ASSERT_NE(waits, sockets.end());
    ASSERT_NE(listens, sockets.end());
    EXPECT_TRUE(waits->waiting);
    EXPECT_TRUE(listens->listening);
    EXPECT_EQ(listens->name, "@" + name);
    EXPECT_EQ(listens->clients, std::vector<std::uint32_t>{waits->inode});
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
