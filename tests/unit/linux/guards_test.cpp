// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/guards.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.hpp"

using namespace lpm;

TEST(Guards, are_found_without_a_touch_where_the_kernel_tells) {
    constexpr int guard_install = 102; // MADV_GUARD_INSTALL, since Linux 6.13
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t size = 8 * page;
    void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(at, MAP_FAILED);
    const auto start = reinterpret_cast<std::uintptr_t>(at);
    std::memset(at, 'x', size / 2);
    const auto pagemap = open_at(AT_FDCWD, "/proc/self/pagemap", O_RDONLY);
    ASSERT_TRUE(pagemap);

    const auto none = find_guard(pagemap->get(), start, start + size);
    const bool guarded = ::madvise(static_cast<char*>(at) + 3 * page, page, guard_install) == 0;
    const auto one = find_guard(pagemap->get(), start, start + size);
    if (none && guarded) {
        EXPECT_FALSE(none->has_value());
        ASSERT_TRUE(one);
        EXPECT_EQ(*one, start + 3 * page);
        EXPECT_EQ(find_guard(pagemap->get(), start + 4 * page, start + size).value(), std::nullopt);
    } else {
        // An old kernel: it says so, and finds nothing that is not there.
        EXPECT_FALSE(one);
        EXPECT_TRUE(one.error().sys == EINVAL || one.error().sys == ENOTTY) << one.error().text;
    }
    ::munmap(at, size);
    EXPECT_FALSE(find_guard(pagemap->get(), start + 1, start + size)) << "no address of a page";
}
