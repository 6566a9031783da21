// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/threads.hpp"

#include <bit>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "linux/procfs.hpp"

using namespace lpm;

TEST(Threads, are_told_from_their_process) {
    std::thread([] {
        const auto self = static_cast<pid_t>(::syscall(SYS_gettid));
        EXPECT_EQ(share(::getpid(), self, Shared::files), true);
        EXPECT_EQ(share(::getpid(), self, Shared::fs), true);
        ASSERT_EQ(::unshare(CLONE_FILES), 0);
        EXPECT_EQ(share(::getpid(), self, Shared::files), false);
        EXPECT_EQ(share(::getpid(), self, Shared::fs), true);
        ASSERT_EQ(::unshare(CLONE_FS), 0);
        EXPECT_EQ(share(::getpid(), self, Shared::fs), false);
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
        ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
        const auto own = read_affinity(self);
        ASSERT_TRUE(own);
        int cpus = 0;
        for (const unsigned long word : *own)
            cpus += std::popcount(word);
        EXPECT_EQ(cpus, 1);
    }).join();
    constexpr pid_t nobody = 1 << 30;
    EXPECT_TRUE(procfs::is_gone(share(::getpid(), nobody, Shared::fs).error()));
    EXPECT_TRUE(procfs::is_gone(read_affinity(nobody).error()));
}
