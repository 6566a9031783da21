// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/stats.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t img_service_magic = 0x55105940; // in place of what images begin with
static constexpr std::uint32_t stats_magic = 0x57093306;

namespace stats_entry {
static constexpr std::uint32_t dump = 1;
static constexpr std::uint32_t restore = 2;
} // namespace stats_entry

namespace dump_stats_entry {
static constexpr std::uint32_t freezing_time = 1;
static constexpr std::uint32_t frozen_time = 2;
static constexpr std::uint32_t memdump_time = 3;
static constexpr std::uint32_t memwrite_time = 4;
static constexpr std::uint32_t pages_scanned = 5;
static constexpr std::uint32_t pages_skipped_parent = 6;
static constexpr std::uint32_t pages_written = 7;
static constexpr std::uint32_t irmap_resolve = 8;
static constexpr std::uint32_t pages_lazy = 9;
static constexpr std::uint32_t page_pipes = 10;
static constexpr std::uint32_t page_pipe_bufs = 11;
static constexpr std::uint32_t shpages_scanned = 12;
static constexpr std::uint32_t shpages_skipped_parent = 13;
static constexpr std::uint32_t shpages_written = 14;
} // namespace dump_stats_entry

namespace restore_stats_entry {
static constexpr std::uint32_t pages_compared = 1;
static constexpr std::uint32_t pages_skipped_cow = 2;
static constexpr std::uint32_t forking_time = 3;
static constexpr std::uint32_t restore_time = 4;
static constexpr std::uint32_t pages_restored = 5;
} // namespace restore_stats_entry

static constexpr StatName dump_names[] = {
    {dump_stats_entry::freezing_time, "freezing_us"},
    {dump_stats_entry::frozen_time, "frozen_us"},
    {dump_stats_entry::memdump_time, "memdump_us"},
    {dump_stats_entry::memwrite_time, "memwrite_us"},
    {dump_stats_entry::pages_scanned, "pages_scanned"},
    {dump_stats_entry::pages_skipped_parent, "pages_skipped_parent"},
    {dump_stats_entry::pages_written, "pages_written"},
    {dump_stats_entry::irmap_resolve, "irmap_us"},
    {dump_stats_entry::pages_lazy, "pages_lazy"},
    {dump_stats_entry::page_pipes, "page_pipes"},
    {dump_stats_entry::page_pipe_bufs, "page_pipe_bufs"},
    {dump_stats_entry::shpages_scanned, "shpages_scanned"},
    {dump_stats_entry::shpages_skipped_parent, "shpages_skipped_parent"},
    {dump_stats_entry::shpages_written, "shpages_written"},
};
static constexpr StatName restore_names[] = {
    {restore_stats_entry::pages_compared, "pages_compared"},
    {restore_stats_entry::pages_skipped_cow, "pages_skipped_cow"},
    {restore_stats_entry::forking_time, "forking_us"},
    {restore_stats_entry::restore_time, "restore_us"},
    {restore_stats_entry::pages_restored, "pages_restored"},
};

static Result<Stats> read_figures(std::string_view bytes, std::span<const StatName> names) {
    Stats stats{.names = names, .values = {}};
    Message message(bytes);
    while (const auto field = message.next())
        for (std::size_t i = 0; i < names.size(); ++i)
            if (names[i].field == field->number)
                stats.values[i] = field->value;
    if (message.broken())
        return fail(Errc::invalid, "stats image: a record is damaged");
    return stats;
}

Result<Stats> parse_stats(std::string_view image) {
    Image file(image);
    if (file.word() != img_service_magic || file.word() != stats_magic)
        return fail(Errc::invalid, "stats image: wrong magic number");
    const auto record = file.next();
    if (!record)
        return fail(Errc::invalid, "stats image: cut short");
    Message entry(*record);
    while (const auto field = entry.next()) {
        if (field->number == stats_entry::dump)
            return read_figures(field->bytes, dump_names);
        if (field->number == stats_entry::restore)
            return read_figures(field->bytes, restore_names);
    }
    return fail(Errc::invalid, "stats image: neither of a dump nor of a restore");
}

} // namespace lpm::criu
