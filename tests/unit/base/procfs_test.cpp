// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/procfs.hpp"

#include <algorithm>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace lpm;

TEST(Procfs, reads_a_command_name_with_brackets_and_spaces) {
    const auto stat =
        procfs::parse_stat("7 (a) R 1) b) S 1 8 9 34816 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0");
    ASSERT_TRUE(stat) << stat.error().text;
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->parent, 1);
    EXPECT_EQ(stat->group, 8);
    EXPECT_EQ(stat->session, 9);
    EXPECT_EQ(stat->terminal, 34816);
    EXPECT_EQ(stat->start, 4711U);
    for (const char* bad : {"", "7 (a", "7 (a) S 1 2", "7 (a) S 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 x"})
        EXPECT_FALSE(procfs::parse_stat(bad)) << bad;
}

TEST(Procfs, reads_itself) {
    EXPECT_EQ(procfs::read_stat(::getpid()).value().state, 'R');
    EXPECT_GT(procfs::read_memory(::getpid()).value().anon, 0U);
}

TEST(Procfs, sums_memory_in_bytes) {
    const auto memory =
        procfs::parse_status(
            "Name:\tx\nRssAnon:\t     12 kB\nRssShmem:\t 3 kB\nVmSwap:\t1 kB\nRssFile:\t9 kB\n")
            .memory;
    EXPECT_EQ(memory.anon, 12U * 1024);
    EXPECT_EQ(memory.shmem, 3U * 1024);
    EXPECT_EQ(memory.swap, 1024U);
    EXPECT_EQ(procfs::parse_status("RssAnon:\t99999999999999999999 kB\n").memory.anon, 0U);
}
