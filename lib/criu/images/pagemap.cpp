// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/pagemap.hpp"

#include <optional>
#include <unistd.h>

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t pagemap_magic = 0x56084025;

namespace pagemap_head {
static constexpr std::uint32_t pages_id = 1;
} // namespace pagemap_head

namespace pagemap_entry {
static constexpr std::uint32_t vaddr = 1;
static constexpr std::uint32_t compat_nr_pages = 2; // nr_pages before CRIU 4.2, which writes 0
static constexpr std::uint32_t in_parent = 3;
static constexpr std::uint32_t flags = 4;
static constexpr std::uint32_t nr_pages = 5;
} // namespace pagemap_entry

static bool read_head(std::string_view record, Pagemap& map) {
    Message head(record);
    while (const auto field = head.next())
        if (field->number == pagemap_head::pages_id)
            map.pages_id = field->u32();
    return !head.broken();
}

static bool read_entry(std::string_view record, PagemapEntry& run) {
    std::uint64_t compat_nr_pages = 0;
    std::optional<std::uint64_t> flags;
    bool in_parent = false;
    Message entry(record);
    while (const auto field = entry.next()) {
        if (field->number == pagemap_entry::vaddr)
            run.vaddr = field->value;
        else if (field->number == pagemap_entry::compat_nr_pages)
            compat_nr_pages = field->value;
        else if (field->number == pagemap_entry::in_parent)
            in_parent = field->flag();
        else if (field->number == pagemap_entry::flags)
            flags = field->value;
        else if (field->number == pagemap_entry::nr_pages)
            run.nr_pages = field->value;
    }
    if (run.nr_pages == 0)
        run.nr_pages = compat_nr_pages;
    constexpr std::uint64_t present = 4; // PE_PRESENT; images older than the flag have none
    run.present = flags ? (*flags & present) != 0 : !in_parent;
    return !entry.broken();
}

Result<Pagemap> parse_pagemap(std::string_view image, const VisitRun& visit) {
    Image file(image);
    if (!file.opens(pagemap_magic))
        return fail(Errc::invalid, "not a CRIU pagemap");
    const auto head = file.next();
    Pagemap map;
    if (!head || !read_head(*head, map))
        return damaged("pagemap");
    while (const auto record = file.next()) {
        PagemapEntry run;
        if (!read_entry(*record, run))
            return damaged("pagemap");
        run.first = map.nr_pages;
        if (run.present && __builtin_add_overflow(map.nr_pages, run.nr_pages, &map.nr_pages))
            return damaged("pagemap");
        if (visit)
            visit(run);
    }
    if (file.broken())
        return damaged("pagemap");
    return map;
}

// Where the file has just so many of a size that there is, it is that one.
std::uint64_t page_size(std::uint64_t bytes, std::uint64_t pages) {
    constexpr std::uint64_t sizes[] = {4096, 16384, 65536};
    for (const auto size : sizes)
        if (bytes % size == 0 && bytes / size == pages)
            return size;
    return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace lpm::criu
