// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/guards.hpp"

#include <cerrno>
#include <linux/fs.h>
#include <sys/ioctl.h>

namespace lpm {

Result<std::optional<std::uint64_t>> find_guard(int pagemap, std::uint64_t start, std::uint64_t end) {
    constexpr std::uint64_t page_is_guard = 1U << 8U; // linux/fs.h has it since 6.16
    page_region found{};
    pm_scan_arg scan{};
    scan.size = sizeof scan;
    scan.start = start;
    scan.end = end;
    scan.vec = reinterpret_cast<std::uintptr_t>(&found);
    scan.vec_len = 1;
    scan.max_pages = 1;
    scan.category_mask = page_is_guard;
    scan.return_mask = page_is_guard;
    const int regions = ::ioctl(pagemap, PAGEMAP_SCAN, &scan);
    if (regions < 0)
        return fail_errno(errno, "scan of the page tables");
    return regions == 0 ? std::nullopt : std::optional<std::uint64_t>(found.start);
}

} // namespace lpm
