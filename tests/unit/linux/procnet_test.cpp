// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/procnet.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vector>

#include "base/fd.hpp"
#include "linux/procfs.hpp"

using namespace lpm;

template <class T>
static std::vector<T> all(std::optional<T> (*next)(std::string_view&), std::string_view text) {
    std::vector<T> found;
    while (const auto one = next(text))
        found.push_back(*one);
    EXPECT_TRUE(text.empty());
    return found;
}

// One whole line among broken ones is found, and only it.
template <class T>
static void expect_left_out(std::optional<T> (*next)(std::string_view&), const std::string& line) {
    SCOPED_TRACE(line);
    EXPECT_TRUE(all(next, line).empty());
    EXPECT_TRUE(all(next, line + "\n\n" + line + "\n").empty());
}

static std::uint64_t inode_of(const Fd& fd) {
    struct stat st{};
    EXPECT_EQ(::fstat(fd.get(), &st), 0);
    return st.st_ino;
}

TEST(Procnet, writes_addresses_for_people) {
    EXPECT_EQ(procfs::readable_address("0100007F:0050"), "127.0.0.1:80");
    EXPECT_EQ(procfs::readable_address("00000000:0000"), "0.0.0.0:0");
    EXPECT_EQ(procfs::readable_address("FFFFFFFF:FFFF"), "255.255.255.255:65535");
    EXPECT_EQ(procfs::readable_address("B80D0120000000000000000001000000:1F90"), "[2001:db8::1]:8080");
    EXPECT_EQ(procfs::readable_address("00000000000000000000000000000000:0016"), "[::]:22");
    EXPECT_EQ(procfs::readable_address("0000000000000000FFFF0000010200C0:0050"), "192.0.2.1:80");
    for (const char* text :
         {"", ":", "x", "0100007F", "0100007F:", "0100007F:005", "0100007F:00500", "0100007:0050",
          "0100007G:0050", "0100007F:005G", "-100007F:0050", "0100007F:-050", "0100007F0100007F:0050",
          "B80D01200000000000000000010000:1F90", "B80D012000000000000000000100000G:1F90",
          "B80D0120 000000000000000010000000:1F90", "0100007F 0050"})
        EXPECT_EQ(procfs::readable_address(text), text);
}

TEST(Procnet, reads_inet_sockets) {
    const auto tcp =
        all(procfs::next_inet_socket,
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
            "inode    \n"
            "   0: 00000000:07E8 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 66 1 "
            "00000000f605bb6d 100 0 0 10 0                        \n"
            "   1: 0100007F:83D6 0100007F:826F 01 00000000:FFFFFFFF 02:000000AF 00000000 65534        0 "
            "2118600 2 "
            "000000005cf12052 20 0 0 10 -1\n"
            "   2: 0100007F:826F 0100007F:83D6 06 00000000:00000000 03:000017A6 00000000     0        0 0 3 "
            "0000000000000000                                      \n");
    ASSERT_EQ(tcp.size(), 3U);
    EXPECT_EQ(tcp[0].local, "00000000:07E8");
    EXPECT_EQ(tcp[0].remote, "00000000:0000");
    EXPECT_EQ(tcp[0].state, 10U);
    EXPECT_EQ(tcp[0].receive_queue, 2U);
    EXPECT_EQ(tcp[0].inode, 66U);
    EXPECT_EQ(tcp[1].state, 1U);
    EXPECT_EQ(tcp[1].receive_queue, 0xffffffffU);
    EXPECT_EQ(tcp[1].send_queue, 0U);
    EXPECT_EQ(tcp[1].inode, 2118600U);
    EXPECT_EQ(tcp[2].state, 6U); // TIME_WAIT
    EXPECT_EQ(tcp[2].inode, 0U);
    const auto others =
        all(procfs::next_inet_socket, "15157: 0100007F:D073 00000000:0000 07 00000000:00000900 00:00000000 "
                                      "00000000     0        0 2118602 2 "
                                      "000000003816700f 0       \n"
                                      " 190: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 "
                                      "00000000     0        0 2118603 2 "
                                      "0000000062cf7ded 0\n"
                                      "   3: 0000000000000000FFFF00000100007F:826F "
                                      "0000000000000000FFFF00000100007F:83D6 01 00000000:00000000 "
                                      "00:00000000 00000000     0        0 18446744073709551615");
    ASSERT_EQ(others.size(), 3U);
    EXPECT_EQ(others[0].receive_queue, 0x900U);
    EXPECT_EQ(others[1].local, "00000000:0001");
    EXPECT_EQ(procfs::readable_address(others[2].remote), "127.0.0.1:33750");
    EXPECT_EQ(others[2].inode, UINT64_MAX);
}

TEST(Procnet, leaves_out_lines_of_inet_sockets_that_are_broken) {
    const std::string start = "0: 00000000:07E8 00000000:0000 ";
    for (const std::string& line :
         {std::string(), std::string("0:"), start, start + "0A", start + "0A 0:0",
          start + "0A 0:0 00:0 0 0 0", start + "XX 0:0 00:0 0 0 0 66", start + "0A 00 00:0 0 0 0 66",
          start + "0A 0: 00:0 0 0 0 66", start + "0A 0:10000000000000000 00:0 0 0 0 66",
          start + "0A 0:0 00:0 0 0 0 -1", start + "0A 0:0 00:0 0 0 0 18446744073709551616",
          start + "100000000 0:0 00:0 0 0 0 66",
          std::string("0: 0000000007E8 00000000:0000 0A 0:0 00:0 0 0 0 66"), std::string(1 << 20, 'x')})
        expect_left_out(procfs::next_inet_socket, line);
}

TEST(Procnet, reads_netlink_sockets) {
    const auto sockets =
        all(procfs::next_netlink_socket,
            "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"
            "000000008f262c5a 15  32644      80000005 768      0        0     2        7        2118604 \n"
            "000000004e13e296 0   4294967295 00000000 0        0        1     2        0        4");
    ASSERT_EQ(sockets.size(), 2U);
    EXPECT_EQ(sockets[0].protocol, 15U);
    EXPECT_EQ(sockets[0].groups, 0x80000005U);
    EXPECT_EQ(sockets[0].unread, 768U);
    EXPECT_EQ(sockets[0].inode, 2118604U);
    EXPECT_EQ(sockets[1].inode, 4U);
    for (const char* line :
         {"", "0", "0 0 0 00000000 0 0 0 2 0", "0 x 0 00000000 0 0 0 2 0 4", "0 0 0 x 0 0 0 2 0 4",
          "0 0 0 100000000 0 0 0 2 0 4", "0 0 0 00000000 -1 0 0 2 0 4", "0 0 0 0 0 0 0 2 0 x"})
        expect_left_out(procfs::next_netlink_socket, line);
}

TEST(Procnet, reads_inodes_of_packet_sockets) {
    using Inodes = std::vector<std::uint64_t>;
    EXPECT_EQ(all(procfs::next_packet_inode,
                  "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"
                  "00000000df85e9f3 3      3    0003   0     1 0      0      2118605\n"
                  "00000000df85e9f3 3      10   0003   12    1 4294967295 4294967295 7"),
              (Inodes{2118605, 7}));
    for (const char* line : {"", "0", "0 3 3 0003 0 1 0 0", "0 3 3 0003 0 1 0 0 x", "0 3 3 0003 0 1 0 0 -5"})
        expect_left_out(procfs::next_packet_inode, line);
}

TEST(Procnet, reads_groups_that_somebody_has_joined) {
    using Groups = std::vector<std::string>;
    EXPECT_EQ(all(procfs::next_igmp_group, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
                                           "1\tlo        :     2      V3\n"
                                           "\t\t\t\t030201EF     1 0:00000000\t\t0\n"
                                           "\t\t\t\t010000E0     1 0:00000000\t\t0\n"),
              (Groups{"239.1.2.3"}));
    EXPECT_EQ(all(procfs::next_igmp6_group,
                  "1    lo              ff020000000000000000000000001234     1 00000004 0\n"
                  "1    lo              ff020000000000000000000000000001     1 0000000C 0\n"
                  "1    lo              ff0200000000000000000001ff000007     1 00000004 0\n"),
              (Groups{"ff02::1234"}));
    for (const char* line : {"", "\t", "\t030201E", "030201EF", "\t030201EG"})
        expect_left_out(procfs::next_igmp_group, line);
    for (const char* line : {"", "1 lo", "1 lo ff02", "1 lo gg020000000000000000000000001234"})
        expect_left_out(procfs::next_igmp6_group, line);
}

TEST(Procnet, agrees_with_the_kernel_on_a_listening_socket) {
    const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(0x7f000001);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(fd.get(), 4), 0);
    socklen_t size = sizeof address;
    ASSERT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    const std::string text = procfs::read_proc(0, "net/tcp").value();
    int found = 0;
    for (const auto& socket : all(procfs::next_inet_socket, text)) {
        if (socket.inode != inode_of(fd))
            continue;
        ++found;
        EXPECT_EQ(socket.state, 10U);
        EXPECT_EQ(socket.receive_queue, 0U);
        EXPECT_EQ(procfs::readable_address(socket.local),
                  "127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
    }
    EXPECT_EQ(found, 1);
}

TEST(Procnet, agrees_with_the_kernel_on_local_sockets) {
    const Fd link(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT));
    sockaddr_nl groups{};
    groups.nl_family = AF_NETLINK;
    groups.nl_groups = 5;
    ASSERT_EQ(::bind(link.get(), reinterpret_cast<sockaddr*>(&groups), sizeof groups), 0);
    const std::string text = procfs::read_proc(0, "net/netlink").value();
    int found = 0;
    for (const auto& socket : all(procfs::next_netlink_socket, text)) {
        if (socket.inode != inode_of(link))
            continue;
        ++found;
        EXPECT_EQ(socket.protocol, unsigned{NETLINK_KOBJECT_UEVENT});
        EXPECT_EQ(socket.groups, 5U);
    }
    EXPECT_EQ(found, 1);
}
