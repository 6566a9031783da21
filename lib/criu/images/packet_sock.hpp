// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string_view>

#include "criu/images/sk_opts.hpp"

// images/packet-sock.proto.
namespace lpm::criu {

struct PacketSockEntry {
    std::uint32_t type = 0;     // SOCK_RAW or SOCK_DGRAM
    std::uint32_t protocol = 0; // of Ethernet, in network order
    SkOptsEntry opts{};
};
// Of a message; false when it is damaged.
[[nodiscard]] bool read_packet_sock(std::string_view message, PacketSockEntry& to);

} // namespace lpm::criu
