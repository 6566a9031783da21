// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/sk_unix.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

namespace unix_sk_entry {
static constexpr std::uint32_t ino = 2;
static constexpr std::uint32_t type = 3;
static constexpr std::uint32_t state = 4;
static constexpr std::uint32_t uflags = 6;
static constexpr std::uint32_t peer = 8;
static constexpr std::uint32_t opts = 10;
static constexpr std::uint32_t name = 11;
} // namespace unix_sk_entry

// CRIU writes a path with or without its end.
static void read_name(std::string_view bytes, UnixSkEntry& to) {
    to.name = bytes.substr(0, bytes.find('\0'));
    to.abstract = bytes.starts_with('\0') ? bytes.substr(1) : std::string_view();
}

bool read_unix_sk(std::string_view message, UnixSkEntry& to) {
    Message entry(message);
    while (const auto field = entry.next()) {
        if (field->number == unix_sk_entry::ino)
            to.ino = field->u32();
        else if (field->number == unix_sk_entry::type)
            to.type = field->u32();
        else if (field->number == unix_sk_entry::state)
            to.state = field->u32();
        else if (field->number == unix_sk_entry::uflags)
            to.uflags = field->u32();
        else if (field->number == unix_sk_entry::peer)
            to.peer = field->u32();
        else if (field->number == unix_sk_entry::name)
            read_name(field->bytes, to);
        else if (field->number == unix_sk_entry::opts && !read_sk_opts(field->bytes, to.opts))
            return false;
    }
    return !entry.broken();
}

} // namespace lpm::criu
