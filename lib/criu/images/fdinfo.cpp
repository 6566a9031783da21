// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/fdinfo.hpp"

#include <charconv>

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t files_magic = 0x56303138;

namespace file_entry {
static constexpr std::uint32_t reg = 3;
static constexpr std::uint32_t isk = 4;
static constexpr std::uint32_t usk = 16;
} // namespace file_entry

namespace reg_file_entry {
static constexpr std::uint32_t id = 1;
static constexpr std::uint32_t name = 6;
static constexpr std::uint32_t size = 8;
static constexpr std::uint32_t ext = 9;
static constexpr std::uint32_t mode = 10;
} // namespace reg_file_entry

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
static constexpr std::uint32_t v6only = 15;
static constexpr std::uint32_t ip_opts = 16;
} // namespace inet_sk_entry

namespace ip_opts_entry {
static constexpr std::uint32_t freebind = 1;
} // namespace ip_opts_entry

namespace unix_sk_entry {
static constexpr std::uint32_t uflags = 6;
static constexpr std::uint32_t name = 11;
} // namespace unix_sk_entry

static constexpr std::size_t most = 200'000;

std::string tcp_stream_img(std::uint32_t ino) {
    std::array<char, 8> hex{};
    const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), ino, 16).ptr;
    return "tcp-stream-" + std::string(hex.data(), end) + ".img";
}

static bool read_reg(std::string_view bytes, RegFileEntry& file) {
    Message entry(bytes);
    while (const auto field = entry.next()) {
        if (field->number == reg_file_entry::id)
            file.id = field->u32();
        else if (field->number == reg_file_entry::name)
            file.name = field->bytes;
        else if (field->number == reg_file_entry::size)
            file.size = field->value;
        else if (field->number == reg_file_entry::ext)
            file.ext = field->flag();
        else if (field->number == reg_file_entry::mode)
            file.mode = field->u32();
    }
    return !entry.broken();
}

static bool read_ip_opts(std::string_view bytes, InetSkEntry& socket) {
    Message entry(bytes);
    while (const auto field = entry.next())
        if (field->number == ip_opts_entry::freebind)
            socket.freebind = field->flag();
    return !entry.broken();
}

static bool read_isk(std::string_view bytes, InetSkEntry& socket) {
    Message entry(bytes);
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
    }
    return sound && !entry.broken();
}

// A name of the file system, as against one of the abstract name space; CRIU writes it with or without its
// end.
static bool read_usk(std::string_view bytes, UnixSkEntry& socket) {
    Message entry(bytes);
    while (const auto field = entry.next()) {
        if (field->number == unix_sk_entry::uflags)
            socket.uflags = field->u32();
        else if (field->number == unix_sk_entry::name)
            socket.name = field->bytes.substr(0, field->bytes.find('\0'));
    }
    return !entry.broken();
}

static bool read_entry(std::string_view record, Files& files) {
    Message entry(record);
    bool sound = true;
    while (const auto field = entry.next()) {
        if (field->number == file_entry::reg)
            sound = sound && read_reg(field->bytes, files.reg.emplace_back());
        else if (field->number == file_entry::isk)
            sound = sound && read_isk(field->bytes, files.isk.emplace_back());
        else if (field->number == file_entry::usk)
            sound = sound && read_usk(field->bytes, files.usk.emplace_back());
        if (files.reg.size() + files.isk.size() + files.usk.size() > most)
            return false;
    }
    return sound && !entry.broken();
}

Result<Files> parse_files(std::string_view image) {
    Files files;
    TRY(each_record(image, files_magic, files_img,
                    [&](std::string_view record) { return read_entry(record, files); }));
    return files;
}

} // namespace lpm::criu
