// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/stats.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr StatName dump_names[] = {
    {1, "freezing_us"},
    {2, "frozen_us"},
    {3, "memdump_us"},
    {4, "memwrite_us"},
    {5, "pages_scanned"},
    {6, "pages_skipped_parent"},
    {7, "pages_written"},
    {8, "irmap_us"},
    {9, "pages_lazy"},
    {10, "page_pipes"},
    {11, "page_pipe_bufs"},
    {12, "shpages_scanned"},
    {13, "shpages_skipped_parent"},
    {14, "shpages_written"},
};
static constexpr StatName restore_names[] = {
    {1, "pages_compared"}, {2, "pages_skipped_cow"}, {3, "forking_us"},
    {4, "restore_us"},     {5, "pages_restored"},
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
    if (!file.opens(magic::stats))
        return fail(Errc::invalid, "stats image: wrong magic number");
    const auto record = file.next();
    if (!record)
        return fail(Errc::invalid, "stats image: cut short");
    // stats_entry { dump = 1, restore = 2 }
    Message entry(*record);
    while (const auto field = entry.next()) {
        if (field->number == 1)
            return read_figures(field->bytes, dump_names);
        if (field->number == 2)
            return read_figures(field->bytes, restore_names);
    }
    return fail(Errc::invalid, "stats image: neither of a dump nor of a restore");
}

} // namespace lpm::criu
