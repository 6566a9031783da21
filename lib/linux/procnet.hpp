// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

// Tables of /proc/PID/net, which are of the whole network namespace.
namespace lpm::procfs {

// A line of net/tcp, net/tcp6, net/udp, net/raw ...
struct InetSocket {
    std::string_view local; // as printed: hexadecimal address, ':', hexadecimal port
    std::string_view remote;
    unsigned state = 0;              // TCP_ESTABLISHED 1 ... TCP_LISTEN 10, TCP_CLOSING 11 (net/tcp_states.h)
    std::uint64_t send_queue = 0;    // bytes
    std::uint64_t receive_queue = 0; // of a listening socket: connections nobody has accepted
    std::uint64_t inode = 0;         // 0: no process holds it
};
[[nodiscard]] std::optional<InetSocket> next_inet_socket(std::string_view& table);

// "192.0.2.1:80", "[2001:db8::1]:80" from the hexadecimal form (words in host order); the text itself when
// it is not of that form.
[[nodiscard]] std::string readable_address(std::string_view hexadecimal);

// A line of net/netlink.
struct NetlinkSocket {
    unsigned protocol = 0;
    std::uint32_t groups = 0;
    std::uint64_t unread = 0; // Rmem, bytes
    std::uint64_t inode = 0;
};
[[nodiscard]] std::optional<NetlinkSocket> next_netlink_socket(std::string_view& table);

// Inode of a line of net/packet.
[[nodiscard]] std::optional<std::uint64_t> next_packet_inode(std::string_view& table);

// The group of a line of net/igmp, or of net/igmp6, without those that the kernel joins by itself:
// "239.1.2.3", "ff02::1234".
[[nodiscard]] std::optional<std::string> next_igmp_group(std::string_view& table);
[[nodiscard]] std::optional<std::string> next_igmp6_group(std::string_view& table);

} // namespace lpm::procfs
