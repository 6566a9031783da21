// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/mnt.hpp"

#include "wire.hpp"

using namespace lpm;

TEST(OpenFiles, lie_on_mounts) {
    const std::string head("\x19\x43\x56\x54\x28\x39\x56\x55", 8);
    const std::string external = field(7, "./data") + std::string("\x68\x01", 2);
    const std::string keyed = field(7, "/etc/hosts") + std::string("\x92\x01\x02/k", 5);
    const auto mounts =
        criu::parse_mnt(head + record(field(7, "/")) + record(field(7, "./tmp/own")) + record(external) +
                        record(keyed) + record(external + std::string("\x80\x01\x01", 3)));
    ASSERT_TRUE(mounts) << mounts.error().text;
    ASSERT_EQ(mounts->size(), 5U);
    EXPECT_EQ((*mounts)[1].mountpoint, "/tmp/own");
    EXPECT_FALSE((*mounts)[1].external());
    EXPECT_EQ((*mounts)[2].mountpoint, "/data");
    EXPECT_TRUE((*mounts)[2].external());
    EXPECT_TRUE((*mounts)[3].external());
    EXPECT_EQ((*mounts)[3].ext_key, "/k");
    EXPECT_FALSE((*mounts)[3].deleted);
    EXPECT_TRUE((*mounts)[4].deleted);
    EXPECT_FALSE(criu::parse_mnt(head + record("\x3a")));
    EXPECT_FALSE(criu::parse_mnt(remap_head));
}
