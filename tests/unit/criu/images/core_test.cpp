// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/core.hpp"

#include "../../support.hpp"
#include "wire.hpp"

using namespace lpm;

TEST(OpenFiles, tell_the_profile_of_a_process) {
    const std::string head("\x19\x43\x56\x54\x47\x38\x05\x55", 8);
    const std::string creds = field(10, "\x08\x07" + field(15, "crio-default"));
    const auto profile = criu::parse_lsm_profile(head + record("\x08\x01" + field(5, creds)));
    ASSERT_TRUE(profile) << profile.error().text;
    EXPECT_EQ(*profile, "crio-default");
    EXPECT_EQ(criu::parse_lsm_profile(head + record("\x08\x01")).value_or("?"), "");
    EXPECT_EQ(criu::parse_lsm_profile(data("images/core-1.img")).value_or("?"), "");
    EXPECT_FALSE(criu::parse_lsm_profile(head + record("\x08\x01\x2a\x05\x52")));
    EXPECT_FALSE(criu::parse_lsm_profile(head));
}

TEST(OpenFiles, tell_the_machine_from_the_beginning_of_a_core) {
    EXPECT_EQ(criu::parse_mtype(data("images/core-1.img").substr(0, 64)).value(), criu::March::x86_64);
    EXPECT_FALSE(criu::parse_mtype(data("images/core-1.img").substr(0, 12)));
    EXPECT_FALSE(criu::parse_mtype(data("images/pstree.img")));
}
