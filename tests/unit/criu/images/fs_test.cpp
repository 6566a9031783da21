// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/fs.hpp"

#include "wire.hpp"

using namespace lpm;

TEST(Fs, names_both_folders) {
    const std::string head("\x19\x43\x56\x54\x12\x39\x40\x51", 8);
    const auto fs = criu::parse_fs(head + record(field(1, 12U) + field(2, 13U) + field(3, 18U)));
    ASSERT_TRUE(fs) << fs.error().text;
    EXPECT_EQ(fs->cwd_id, 12U);
    EXPECT_EQ(fs->root_id, 13U);
    EXPECT_FALSE(criu::parse_fs(head));
    EXPECT_FALSE(criu::parse_fs(head + record("\x08")));
    EXPECT_FALSE(criu::parse_fs(files_head + record("")));
}
