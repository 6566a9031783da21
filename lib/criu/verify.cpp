// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/verify.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "criu/images/core.hpp"
#include "criu/images/mm.hpp"
#include "criu/images/pagemap.hpp"
#include "criu/wire.hpp"

namespace lpm::criu {

static std::unexpected<Error> missing(const std::string& name) {
    return fail(Errc::absent, name + " is missing");
}

static Result<> in_time(const Deadline& deadline) {
    if (deadline.passed())
        return fail(Errc::busy, "images not read to the end in time");
    return {};
}

// The header of a core, and that the file is as long as its one record says.
static Result<> verify_core(const ImageSource& source, std::uint32_t thread) {
    const std::string name = core_img(thread);
    const auto size = source.size(name);
    if (!size)
        return missing(name);
    constexpr std::size_t header = 12; // two magic words and the length of the record
    TRY_ASSIGN(const std::string head, source.read_head(name, header));
    if (!is_whole_core(head, *size))
        return damaged(name);
    return {};
}

// By the id of a pages file, which several page maps may share.
using PagesNeeded = std::map<std::uint32_t, std::uint64_t>;

// The pages that the page map lists.
static Result<std::uint64_t> verify_pagemap(const ImageSource& source, const std::string& name,
                                            PagesNeeded& needed) {
    TRY_ASSIGN(const std::string bytes, source.read(name));
    const auto map = parse_pagemap(bytes);
    if (!map)
        return fail(map.error().code, name + ": " + map.error().text);
    auto& sum = needed[map->pages_id];
    if (__builtin_add_overflow(sum, map->nr_pages, &sum))
        return damaged(name);
    return map->nr_pages;
}

// The pages of the process.
static Result<std::uint64_t> verify_task(const ImageSource& source, const PstreeEntry& task,
                                         PagesNeeded& needed, const Deadline& deadline) {
    TRY(in_time(deadline));
    TRY(verify_core(source, task.pid));
    for (const auto thread : task.threads) {
        TRY(in_time(deadline));
        // An only thread is the process itself; of a zombie's CRIU writes a number that nobody set.
        if (thread != task.pid && task.threads.size() > 1)
            TRY(verify_core(source, thread));
    }
    return source.has(mm_img(task.pid)) ? verify_pagemap(source, pagemap_img(task.pid), needed) : 0;
}

// The pages of memory that is nobody's own. No image lists the page maps: those count that are there.
static Result<std::uint64_t> verify_shmem(const ImageSource& source, PagesNeeded& needed,
                                          const Deadline& deadline) {
    std::uint64_t pages = 0;
    Result<> good;
    const bool all = source.each_name([&](const std::string& name) {
        if (!name.starts_with(shmem_pagemap_prefix))
            return true;
        good = in_time(deadline);
        if (!good)
            return false;
        const auto listed = verify_pagemap(source, name, needed);
        if (!listed)
            good = std::unexpected(listed.error());
        else if (__builtin_add_overflow(pages, *listed, &pages))
            good = damaged(name);
        return good.has_value();
    });
    TRY(good);
    if (!all)
        return fail(Errc::unavailable, "the names of the images cannot be read");
    return pages;
}

// The size of a page.
static Result<std::uint64_t> verify_pages_file(const ImageSource& source, std::uint32_t id,
                                               std::uint64_t pages) {
    const std::string name = pages_img(id);
    const auto have = source.size(name);
    if (!have)
        return missing(name);
    const std::uint64_t size = page_size(*have, pages);
    if (*have / size < pages)
        return fail(Errc::invalid, name + " has " + std::to_string(*have) +
                                       " bytes, but its page maps list " + std::to_string(pages) + " pages");
    return size;
}

Images read_images(const ImageSource& source) {
    const auto inventory = source.read(inventory_img);
    const auto pstree = source.read(pstree_img);
    return {inventory ? parse_inventory(*inventory) : std::unexpected(inventory.error()),
            pstree ? parse_pstree(*pstree) : std::unexpected(pstree.error())};
}

Result<PageCount> verify_images(const ImageSource& source, const Images& images, const Deadline& deadline) {
    TRY(images.inventory);
    TRY(images.pstree);
    PagesNeeded needed;
    PageCount pages;
    for (const PstreeEntry& task : *images.pstree) {
        TRY_ASSIGN(const std::uint64_t of_task, verify_task(source, task, needed, deadline));
        pages.most = std::max(pages.most, of_task);
    }
    TRY_ASSIGN(pages.shared, verify_shmem(source, needed, deadline));
    for (const auto& [id, count] : needed) {
        if (count == 0)
            continue;
        TRY(in_time(deadline));
        TRY_ASSIGN(pages.size, verify_pages_file(source, id, count));
        pages.all += count;
    }
    return pages;
}

} // namespace lpm::criu
