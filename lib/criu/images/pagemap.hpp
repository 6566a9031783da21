// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
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
// Of its address space. A zombie has none, and no page map either.
[[nodiscard]] inline std::string mm_img(std::uint32_t pid) {
    return "mm-" + std::to_string(pid) + ".img";
}

struct Pagemap {
    std::uint32_t pages_id = 0;
    std::uint64_t nr_pages =
        0; // of all entries, in the pages file: neither in a parent image nor left for lazy pages
};
[[nodiscard]] Result<Pagemap> parse_pagemap(std::string_view image);

} // namespace lpm::criu
