// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/procfs.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

using namespace lpm;

TEST(Procfs, reads_a_command_name_with_brackets_and_spaces) {
    const auto stat = procfs::parse_stat("7 (a) R 1) b) S 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0");
    ASSERT_TRUE(stat) << stat.error().text;
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->start, 4711U);
    for (const char* bad : {"", "7 (a", "7 (a) S 1 2", "7 (a) S 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 x"})
        EXPECT_FALSE(procfs::parse_stat(bad)) << bad;
}

TEST(Procfs, reads_itself) {
    EXPECT_EQ(procfs::read_stat(::getpid()).value().state, 'R');
    EXPECT_GT(procfs::read_memory(::getpid()).value().anon, 0U);
    EXPECT_FALSE(procfs::read_mount_ids(::getpid()).value().empty());
}

TEST(Procfs, sums_memory_in_bytes) {
    const auto memory = procfs::parse_memory(
        "Name:\tx\nRssAnon:\t     12 kB\nRssShmem:\t 3 kB\nVmSwap:\t1 kB\nRssFile:\t9 kB\n");
    EXPECT_EQ(memory.anon, 12U * 1024);
    EXPECT_EQ(memory.shmem, 3U * 1024);
    EXPECT_EQ(memory.swap, 1024U);
    EXPECT_EQ(procfs::parse_memory("RssAnon:\t99999999999999999999 kB\n").anon, 0U);
}

TEST(Procfs, reads_mounts) {
    EXPECT_EQ(procfs::parse_mount_ids(
                  "96 94 0:47 / /dev rw - tmpfs tmpfs rw\n94 43 8:1 / / rw - ext4 x rw\njunk\n"),
              (std::vector<int>{94, 96}));
    EXPECT_EQ(procfs::parse_fd_mount("pos:\t0\nflags:\t0100002\nmnt_id:\t96\nino:\t5\n").value(), 96);
    const std::string mounts =
        "1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /var/lib rw shared:1 - xfs b rw\n"
        "3 2 0:9 / /var/lib/kubelet rw - nfs4 c rw\n4 1 8:3 / /var/libx rw - tmpfs d rw\n";
    EXPECT_EQ(procfs::parse_fs_type(mounts, "/var/lib/kubelet").value(), "nfs4");
    EXPECT_EQ(procfs::parse_fs_type(mounts, "/var/lib/other").value(), "xfs");
    EXPECT_EQ(procfs::parse_fs_type(mounts, "/home").value(), "ext4");
    EXPECT_FALSE(procfs::parse_fs_type("junk\n", "/home"));
    EXPECT_EQ(procfs::parse_fd_mount("pos:\t0\n").error().code, Errc::absent);
}
