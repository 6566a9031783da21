// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/pagemap.hpp"

#include <gtest/gtest.h>

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
