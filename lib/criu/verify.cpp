// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/verify.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <unistd.h>

#include "criu/images/core.hpp"
#include "criu/images/pagemap.hpp"
#include "criu/wire.hpp"

namespace lpm::criu {

static std::unexpected<Error> missing(const std::string& name) {
    return fail(Errc::absent, name + " is missing");
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

// The pages of the process.
static Result<std::uint64_t> verify_pages(const ImageSource& source, std::uint32_t pid,
                                          std::map<std::uint32_t, std::uint64_t>& needed) {
    if (!source.has(mm_img(pid)))
        return 0;
    const std::string name = pagemap_img(pid);
    TRY_ASSIGN(const std::string bytes, source.read(name));
    const auto map = parse_pagemap(bytes);
    if (!map)
        return fail(map.error().code, name + ": " + map.error().text);
    auto& sum = needed[map->pages_id]; // several address spaces share a pages file
    if (__builtin_add_overflow(sum, map->nr_pages, &sum))
        return damaged(name);
    return map->nr_pages;
}

// The images do not say how large their pages are: those of the node that took them. Where the file has just
// so many of a size that there is, it is that one.
static std::uint64_t page_size(std::uint64_t bytes, std::uint64_t pages) {
    constexpr std::uint64_t sizes[] = {4096, 16384, 65536};
    for (const auto size : sizes)
        if (bytes % size == 0 && bytes / size == pages)
            return size;
    return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
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

static Result<> in_time(const Deadline& deadline) {
    if (deadline.passed())
        return fail(Errc::busy, "images not read to the end in time");
    return {};
}

Result<PageCount> verify_images(const ImageSource& source, const Images& images, const Deadline& deadline) {
    TRY(images.inventory);
    TRY(images.pstree);
    std::map<std::uint32_t, std::uint64_t> needed;
    PageCount pages;
    for (const PstreeEntry& task : *images.pstree) {
        TRY(in_time(deadline));
        TRY(verify_core(source, task.pid));
        for (const auto thread : task.threads) {
            TRY(in_time(deadline));
            // An only thread is the process itself; of a zombie's CRIU writes a number that nobody set.
            if (thread != task.pid && task.threads.size() > 1)
                TRY(verify_core(source, thread));
        }
        TRY_ASSIGN(const std::uint64_t of_task, verify_pages(source, task.pid, needed));
        pages.most = std::max(pages.most, of_task);
    }
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
