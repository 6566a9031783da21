// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/mountinfo.hpp"

#include <gtest/gtest.h>

using namespace lpm;

TEST(Mountinfo, finds_the_mount_that_holds_a_path) {
    const auto mounts = procfs::parse_mountinfo(
        "1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /var/lib rw shared:1 - xfs b rw\n"
        "3 2 0:9 / /var/lib/kubelet rw - nfs4 c rw\n4 1 8:3 / /var/libx rw - tmpfs d rw\n");
    const auto type = [&](std::string_view path) {
        const auto* mount = procfs::mount_of(mounts, path);
        return mount == nullptr ? std::string("none") : mount->type;
    };
    EXPECT_EQ(type("/var/lib/kubelet"), "nfs4");
    EXPECT_EQ(type("/var/lib/other"), "xfs");
    EXPECT_EQ(type("/home"), "ext4");
}
