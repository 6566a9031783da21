// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

// pagemap-PID.img and pagemap-shmem-ID.img (images/pagemap.proto), and the pages that they describe.
namespace lpm::criu {

[[nodiscard]] inline std::string pagemap_img(std::uint32_t pid) {
    return "pagemap-" + std::to_string(pid) + ".img";
}
// Of memory that is nobody's own: shared mappings, memfds, System V segments. Followed by an id and `.img`.
inline constexpr std::string_view shmem_pagemap_prefix = "pagemap-shmem-";
[[nodiscard]] inline std::string pages_img(std::uint32_t pages_id) {
    return "pages-" + std::to_string(pages_id) + ".img";
}

// A run of pages, one after the other in memory and in the file.
struct PagemapEntry {
    std::uint64_t vaddr = 0; // address of the first
    std::uint64_t nr_pages = 0;
    bool present = false;    // in the pages file: neither in a parent image nor left for lazy pages
    std::uint64_t first = 0; // of those that are present, which page of the pages file
};

struct Pagemap {
    std::uint32_t pages_id = 0;
    std::uint64_t nr_pages = 0; // of all entries, in the pages file
};
// Calls `visit` with each entry.
using VisitRun = std::function<void(const PagemapEntry&)>;
[[nodiscard]] Result<Pagemap> parse_pagemap(std::string_view image, const VisitRun& visit = {});

// In bytes, of a pages file that has so many bytes and that many pages. The images do not say how large their
// pages are: those of the node that took them.
[[nodiscard]] std::uint64_t page_size(std::uint64_t bytes, std::uint64_t pages);

} // namespace lpm::criu
