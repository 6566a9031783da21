// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/packet_sock.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

namespace packet_sock_entry {
static constexpr std::uint32_t type = 2;
static constexpr std::uint32_t protocol = 3;
static constexpr std::uint32_t opts = 7;
} // namespace packet_sock_entry

bool read_packet_sock(std::string_view message, PacketSockEntry& to) {
    Message entry(message);
    while (const auto field = entry.next()) {
        if (field->number == packet_sock_entry::type)
            to.type = field->u32();
        else if (field->number == packet_sock_entry::protocol)
            to.protocol = field->u32();
        else if (field->number == packet_sock_entry::opts && !read_sk_opts(field->bytes, to.opts))
            return false;
    }
    return !entry.broken();
}

} // namespace lpm::criu
