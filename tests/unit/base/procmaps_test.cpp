// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/procmaps.hpp"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

using namespace lpm;

TEST(Procmaps, reads_a_mapping_of_a_file) {
    std::string_view maps =
        "55fbfb570000-55fbfb572000 r--s 00000000 fe:1f 247498                     /usr/bin/a b\n";
    const auto mapping = procfs::next_mapping(maps);
    ASSERT_TRUE(mapping);
    EXPECT_EQ(mapping->start, 0x55fbfb570000U);
    EXPECT_EQ(mapping->end, 0x55fbfb572000U);
    EXPECT_TRUE(mapping->shared);
    EXPECT_EQ(mapping->device, makedev(0xfe, 0x1f));
    EXPECT_EQ(mapping->inode, 247498U);
    EXPECT_EQ(mapping->path, "/usr/bin/a b");
    EXPECT_FALSE(procfs::next_mapping(maps));
}
