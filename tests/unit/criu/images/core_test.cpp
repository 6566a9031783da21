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

TEST(Core, tells_name_and_state_of_a_process) {
    const std::string head("\x19\x43\x56\x54\x47\x38\x05\x55", 8);
    const auto task = criu::parse_tc(head + record(field(1, 1U) + field(3, field(1, 6U) + field(6, "sh"))));
    ASSERT_TRUE(task) << task.error().text;
    EXPECT_EQ(task->comm, "sh");
    EXPECT_EQ(task->task_state, criu::TaskState::zombie);
    EXPECT_EQ(criu::parse_tc(data("images/core-1.img"))->task_state, criu::TaskState::alive);
    EXPECT_FALSE(criu::parse_tc(head + record(field(1, 1U) + field(3, "\x08"))));
}

TEST(Core, has_ids_beside_it) {
    const std::string head("\x19\x43\x56\x54\x30\x20\x43\x54", 8);
    const auto ids = criu::parse_ids(head + record(field(1, 1U) + field(2, 7U)));
    ASSERT_TRUE(ids) << ids.error().text;
    EXPECT_EQ(ids->files_id, 7U);
    EXPECT_FALSE(criu::parse_ids(head));
    EXPECT_FALSE(criu::parse_ids(head + record("") + record("")));
    EXPECT_FALSE(criu::parse_ids(head + record("\x08")));
    EXPECT_FALSE(criu::parse_ids(files_head));
}
