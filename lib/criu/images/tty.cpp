// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/tty.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t tty_info_magic = 0x59453036;
static constexpr std::size_t most = 200'000;

namespace tty_info_entry {
static constexpr std::uint32_t rdev = 8;
static constexpr std::uint32_t pty = 12;
} // namespace tty_info_entry

namespace tty_pty_entry {
static constexpr std::uint32_t index = 1;
} // namespace tty_pty_entry

static bool read_index(std::string_view bytes, TtyInfoEntry& tty) {
    Message pty(bytes);
    while (const auto field = pty.next())
        if (field->number == tty_pty_entry::index)
            tty.index = field->u32();
    return !pty.broken() && tty.index;
}

static bool read_tty(std::string_view bytes, TtyInfoEntry& tty) {
    Message entry(bytes);
    while (const auto field = entry.next()) {
        if (field->number == tty_info_entry::rdev)
            tty.rdev = field->u32();
        else if (field->number == tty_info_entry::pty && !read_index(field->bytes, tty))
            return false;
    }
    return !entry.broken();
}

Result<std::vector<TtyInfoEntry>> parse_tty_info(std::string_view image) {
    std::vector<TtyInfoEntry> ttys;
    TRY(each_record(image, tty_info_magic, "the image of terminals", [&](std::string_view record) {
        return ttys.size() < most && read_tty(record, ttys.emplace_back());
    }));
    return ttys;
}

} // namespace lpm::criu
