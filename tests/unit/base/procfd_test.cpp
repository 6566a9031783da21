// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/procfd.hpp"

#include <gtest/gtest.h>

using namespace lpm;

TEST(Procfd, reads_mount_and_flags) {
    const auto info = procfs::parse_fdinfo("pos:\t0\nflags:\t0100002\nmnt_id:\t96\nino:\t5\n");
    EXPECT_EQ(info.mount, 96);
    EXPECT_EQ(info.flags, 0100002U);
    EXPECT_EQ(procfs::parse_fdinfo("pos:\t0\n").mount, std::nullopt);
}
