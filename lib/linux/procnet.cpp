// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/procnet.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <sys/sysmacros.h>

#include "base/text.hpp"

namespace lpm::procfs {

static void skip(std::string_view& line, int words) {
    for (int i = 0; i < words; ++i)
        (void)next_word(line);
}

// The next line that `parse` makes something of: heads and broken lines it does not.
template <class T>
static std::optional<T> next_of(std::string_view& text, std::optional<T> (*parse)(std::string_view)) {
    while (!text.empty())
        if (auto found = parse(next_line(text)))
            return found;
    return std::nullopt;
}

// sl local remote st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ...
static std::optional<InetSocket> parse_inet_socket(std::string_view line) {
    skip(line, 1);
    InetSocket socket;
    socket.local = next_word(line);
    socket.remote = next_word(line);
    const auto state = to_number<unsigned>(next_word(line), 16);
    const auto queues = next_word(line);
    const auto colon = queues.find(':');
    if (!socket.local.contains(':') || !socket.remote.contains(':') || !state ||
        colon == std::string_view::npos)
        return std::nullopt;
    const auto send = to_number<std::uint64_t>(queues.substr(0, colon), 16);
    const auto receive = to_number<std::uint64_t>(queues.substr(colon + 1), 16);
    skip(line, 4);
    const auto inode = to_number<std::uint64_t>(next_word(line));
    if (!send || !receive || !inode)
        return std::nullopt;
    socket.state = *state;
    socket.send_queue = *send;
    socket.receive_queue = *receive;
    socket.inode = *inode;
    return socket;
}

std::optional<InetSocket> next_inet_socket(std::string_view& table) {
    return next_of(table, parse_inet_socket);
}

std::string readable_address(std::string_view hexadecimal) {
    const auto colon = hexadecimal.rfind(':');
    if ((colon != 8 && colon != 32) || hexadecimal.size() != colon + 5)
        return std::string(hexadecimal);
    // Each word was read out of the address as it lies in memory, so storing it again puts the bytes in
    // order.
    std::array<std::uint32_t, 4> words{};
    for (std::size_t i = 0; i < colon / 8; ++i) {
        const auto word = to_number<std::uint32_t>(hexadecimal.substr(i * 8, 8), 16);
        if (!word)
            return std::string(hexadecimal);
        words[i] = *word;
    }
    const auto port = to_number<std::uint16_t>(hexadecimal.substr(colon + 1), 16);
    if (!port)
        return std::string(hexadecimal);
    const bool mapped = colon == 32 && words[0] == 0 && words[1] == 0 && words[2] == htonl(0xffff);
    const bool four = colon == 8 || mapped;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::inet_ntop(four ? AF_INET : AF_INET6, mapped ? &words[3] : words.data(), text.data(), text.size()) ==
        nullptr)
        return std::string(hexadecimal);
    const std::string address = text.data();
    return (four ? address : "[" + address + "]") + ":" + std::to_string(*port);
}

// sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
static std::optional<NetlinkSocket> parse_netlink_socket(std::string_view line) {
    skip(line, 1);
    const auto protocol = to_number<unsigned>(next_word(line));
    skip(line, 1);
    const auto groups = to_number<std::uint32_t>(next_word(line), 16);
    const auto unread = to_number<std::uint64_t>(next_word(line));
    skip(line, 4);
    const auto inode = to_number<std::uint64_t>(next_word(line));
    if (!protocol || !groups || !unread || !inode)
        return std::nullopt;
    return NetlinkSocket{*protocol, *groups, *unread, *inode};
}

std::optional<NetlinkSocket> next_netlink_socket(std::string_view& table) {
    return next_of(table, parse_netlink_socket);
}

static std::optional<std::uint64_t> parse_packet_inode(std::string_view line) {
    // sk RefCnt Type Proto Iface R Rmem User Inode
    skip(line, 8);
    return to_number<std::uint64_t>(next_word(line));
}

std::optional<std::uint64_t> next_packet_inode(std::string_view& table) {
    return next_of(table, parse_packet_inode);
}

// A line of a device, which begins with its number, then one for each group: blanks, address ...
static std::optional<std::string> parse_igmp_group(std::string_view line) {
    constexpr std::uint32_t all_hosts = 0xe0000001;
    constexpr std::uint32_t all_snoopers = 0xe000006a; // of a bridge
    if (!line.starts_with('\t'))
        return std::nullopt;
    const auto word = next_word(line);
    const auto group = word.size() == 8 ? to_number<std::uint32_t>(word, 16) : std::nullopt;
    if (!group || ntohl(*group) == all_hosts || ntohl(*group) == all_snoopers)
        return std::nullopt;
    std::array<char, INET_ADDRSTRLEN> text{};
    (void)::inet_ntop(AF_INET, &*group, text.data(), text.size());
    return text.data();
}

std::optional<std::string> next_igmp_group(std::string_view& table) {
    return next_of(table, parse_igmp_group);
}

// All nodes, routers and snoopers, and the one that each address of the node itself is in (RFC 4291, 2.7.1).
static bool is_of_kernel(std::string_view group) {
    static constexpr std::string_view own[] = {"ff01::1", "ff01::2", "ff02::1",
                                               "ff02::2", "ff05::2", "ff02::6a"};
    return std::ranges::contains(own, group) || group.starts_with("ff02::1:ff");
}

// index device address ...
static std::optional<std::string> parse_igmp6_group(std::string_view line) {
    skip(line, 2);
    const auto word = next_word(line);
    in6_addr group{};
    if (word.size() != 2 * sizeof group.s6_addr)
        return std::nullopt;
    for (std::size_t i = 0; i < sizeof group.s6_addr; ++i) {
        const auto byte = to_number<std::uint8_t>(word.substr(2 * i, 2), 16);
        if (!byte)
            return std::nullopt;
        group.s6_addr[i] = *byte;
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    (void)::inet_ntop(AF_INET6, &group, text.data(), text.size());
    return is_of_kernel(text.data()) ? std::nullopt : std::optional<std::string>(text.data());
}

std::optional<std::string> next_igmp6_group(std::string_view& table) {
    return next_of(table, parse_igmp6_group);
}

} // namespace lpm::procfs
