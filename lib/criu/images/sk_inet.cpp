// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/sk_inet.hpp"

#include <charconv>

#include "criu/wire.hpp"

namespace lpm::criu {

namespace inet_sk_entry {
static constexpr std::uint32_t ino = 2;
static constexpr std::uint32_t family = 3;
static constexpr std::uint32_t type = 4;
static constexpr std::uint32_t proto = 5;
static constexpr std::uint32_t state = 6;
static constexpr std::uint32_t src_port = 7;
static constexpr std::uint32_t dst_port = 8;
static constexpr std::uint32_t src_addr = 11;
static constexpr std::uint32_t dst_addr = 12;
static constexpr std::uint32_t opts = 14;
static constexpr std::uint32_t v6only = 15;
static constexpr std::uint32_t ip_opts = 16;
} // namespace inet_sk_entry

namespace ip_opts_entry {
static constexpr std::uint32_t freebind = 1;
} // namespace ip_opts_entry

std::string tcp_stream_img(std::uint32_t ino) {
    std::array<char, 8> hex{};
    const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), ino, 16).ptr;
    return "tcp-stream-" + std::string(hex.data(), end) + ".img";
}

static bool read_ip_opts(std::string_view bytes, InetSkEntry& socket) {
    Message entry(bytes);
    while (const auto field = entry.next())
        if (field->number == ip_opts_entry::freebind)
            socket.freebind = field->flag();
    return !entry.broken();
}

bool read_inet_sk(std::string_view message, InetSkEntry& socket) {
    Message entry(message);
    std::size_t src_words = 0;
    std::size_t dst_words = 0;
    bool sound = true;
    while (const auto field = entry.next()) {
        if (field->number == inet_sk_entry::ino)
            socket.ino = field->u32();
        else if (field->number == inet_sk_entry::family)
            socket.family = field->u32();
        else if (field->number == inet_sk_entry::type)
            socket.type = field->u32();
        else if (field->number == inet_sk_entry::proto)
            socket.proto = field->u32();
        else if (field->number == inet_sk_entry::state)
            socket.state = field->u32();
        else if (field->number == inet_sk_entry::src_port)
            socket.src_port = static_cast<std::uint16_t>(field->value);
        else if (field->number == inet_sk_entry::dst_port)
            socket.dst_port = static_cast<std::uint16_t>(field->value);
        else if (field->number == inet_sk_entry::src_addr && src_words < socket.src_addr.size())
            socket.src_addr[src_words++] = field->u32(); // CRIU does not pack them
        else if (field->number == inet_sk_entry::dst_addr && dst_words < socket.dst_addr.size())
            socket.dst_addr[dst_words++] = field->u32();
        else if (field->number == inet_sk_entry::v6only)
            socket.v6only = field->flag();
        else if (field->number == inet_sk_entry::ip_opts)
            sound = sound && read_ip_opts(field->bytes, socket);
        else if (field->number == inet_sk_entry::opts)
            sound = sound && read_sk_opts(field->bytes, socket.opts);
    }
    return sound && !entry.broken();
}

} // namespace lpm::criu
