// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "criu/images/sk_opts.hpp"

// images/sk-inet.proto.
namespace lpm::criu {

struct InetSkEntry {
    std::uint32_t ino = 0;
    std::uint32_t family = 0;
    std::uint32_t type = 0;
    std::uint32_t proto = 0;
    std::uint32_t state = 0; // of TCP: 1 established, 10 listening
    // Ports in host order, addresses as the kernel has them in memory: IPv4 uses the first word. A dst_port
    // of 0: not connected, in CRIU's eyes as well.
    std::uint16_t src_port = 0;
    std::uint16_t dst_port = 0;
    std::array<std::uint32_t, 4> src_addr{};
    std::array<std::uint32_t, 4> dst_addr{};
    bool v6only = false;
    bool freebind = false; // ip_opts.freebind
    SkOptsEntry opts{};
};
// Of a message; false when it is damaged.
[[nodiscard]] bool read_inet_sk(std::string_view message, InetSkEntry& to);

// Where CRIU finds what is in the connection; not there when the dump was told to close it.
[[nodiscard]] std::string tcp_stream_img(std::uint32_t ino);

} // namespace lpm::criu
