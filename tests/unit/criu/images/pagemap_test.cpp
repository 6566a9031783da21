// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/pagemap.hpp"

#include <vector>

#include "wire.hpp"

using namespace lpm;

TEST(Pagemap, reads_old_entries_and_survives_overflow) {
    const std::string head("\x19\x43\x56\x54\x25\x40\x08\x56\x02\0\0\0\x08\x07", 14);
    // vaddr, 3 pages, no flags; then the same in a parent image
    const auto map = criu::parse_pagemap(head + std::string("\x04\0\0\0\x08\x01\x10\x03", 8) +
                                         std::string("\x06\0\0\0\x08\x01\x10\x03\x18\x01", 10));
    ASSERT_TRUE(map);
    EXPECT_EQ(map->pages_id, 7U);
    EXPECT_EQ(map->nr_pages, 3U);
    const std::string huge("\x0b\0\0\0\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 15);
    EXPECT_FALSE(criu::parse_pagemap(head + huge + huge));
}

TEST(Pagemap, says_which_pages_are_where) {
    const std::string head("\x19\x43\x56\x54\x25\x40\x08\x56\x02\0\0\0\x08\x07", 14);
    const auto run = [](std::uint32_t address, std::uint32_t pages, std::uint32_t flags) {
        return record(field(1, address) + field(2, 0U) + field(4, flags) + field(5, pages));
    };
    std::vector<criu::PagemapEntry> runs;
    const auto map = criu::parse_pagemap(head + run(4096, 2, 4) + run(16384, 3, 1) + run(65536, 4, 6),
                                         [&](const criu::PagemapEntry& one) { runs.push_back(one); });
    ASSERT_TRUE(map);
    EXPECT_EQ(map->nr_pages, 6U);
    ASSERT_EQ(runs.size(), 3U);
    EXPECT_EQ(runs[0].vaddr, 4096U);
    EXPECT_TRUE(runs[0].present);
    EXPECT_EQ(runs[0].first, 0U);
    EXPECT_FALSE(runs[1].present) << "in a parent image: not in the file";
    EXPECT_TRUE(runs[2].present);
    EXPECT_EQ(runs[2].first, 2U);
    EXPECT_EQ(runs[2].nr_pages, 4U);
}

TEST(Pagemap, tells_the_size_of_pages_by_that_of_their_file) {
    EXPECT_EQ(criu::page_size(12288, 3), 4096U);
    EXPECT_EQ(criu::page_size(196608, 3), 65536U);
}
