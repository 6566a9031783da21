// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/core.hpp"

#include <array>

#include "../../support.hpp"
#include "wire.hpp"

using namespace lpm;

static const std::string head("\x19\x43\x56\x54\x47\x38\x05\x55", 8);

// What CRIU writes of any thread: its ids, and two words for each kind of capabilities.
static std::string creds_of(std::uint32_t bounding) {
    std::string creds;
    for (unsigned number = 1; number <= 8; ++number)
        creds += field(number, number % 2 == 1 ? 7U : 8U);
    for (unsigned number = 9; number <= 12; ++number)
        creds += field(number, number == 12 ? bounding : 0U) + field(number, 0U);
    return creds;
}

static Result<criu::ThreadCoreEntry> thread_of(const std::string& creds, const std::string& rest = {}) {
    return criu::parse_thread_core(head + record(field(1, 1U) + field(5, field(10, creds) + rest)));
}

TEST(Core, tells_what_a_thread_may_do) {
    const std::string ambient = "\x98\x01\x04\x98\x01\x01"; // CAP_DAC_READ_SEARCH and 32
    const std::string no_new_privs = "\x90\x01\x01";
    const auto thread = thread_of(
        creds_of(0x20) + field(14, 9U) + field(15, "crio-default") + no_new_privs + ambient, field(11, 2U));
    ASSERT_TRUE(thread) << thread.error().text;
    ASSERT_TRUE(thread->creds);
    EXPECT_EQ(thread->creds->uids, (std::array<std::uint32_t, 4>{7, 7, 7, 7}));
    EXPECT_EQ(thread->creds->gids, (std::array<std::uint32_t, 4>{8, 8, 8, 8}));
    EXPECT_EQ(thread->creds->groups, std::vector<std::uint32_t>{9});
    EXPECT_EQ(thread->creds->cap_bnd, 0x20U);
    EXPECT_EQ(thread->creds->held, (std::uint64_t{1} << 32U) | 4U);
    EXPECT_TRUE(thread->creds->no_new_privs);
    EXPECT_EQ(thread->creds->lsm_profile, "crio-default");
    EXPECT_EQ(thread->seccomp_mode, criu::SeccompMode::filter);
}

// As CRIU 4 has written it.
TEST(Core, tells_what_the_thread_of_a_container_may_do) {
    const auto thread = criu::parse_thread_core(data("images/core-1.img"));
    ASSERT_TRUE(thread && thread->creds);
    EXPECT_EQ(thread->creds->uids, (std::array<std::uint32_t, 4>{}));
    EXPECT_EQ(thread->creds->held, 0x20000420U);
    EXPECT_EQ(thread->creds->cap_bnd, 0x20000420U);
    EXPECT_TRUE(thread->creds->no_new_privs);
    EXPECT_EQ(thread->creds->lsm_profile, "");
    EXPECT_FALSE(thread->seccomp_mode);
}

TEST(Core, of_older_images_and_of_the_dead) {
    EXPECT_TRUE(thread_of(creds_of(0))) << "without ambient capabilities";
    const auto dead = criu::parse_thread_core(head + record(field(1, 1U)));
    EXPECT_TRUE(dead && !dead->creds);
    const auto task = criu::parse_tc(head + record(field(3, field(1, 1U) + field(11, 2U))));
    EXPECT_EQ(task->old_seccomp_mode, criu::SeccompMode::filter);
}

TEST(Core, that_can_be_read_in_two_ways_is_damaged) {
    const std::string creds = creds_of(0);
    EXPECT_FALSE(thread_of(creds, field(10, creds))) << "CRIU merges them";
    EXPECT_FALSE(criu::parse_thread_core(head + record(field(5, field(10, creds)) + field(5, ""))));
    EXPECT_FALSE(criu::parse_tc(head + record(field(3, field(1, 1U)) + field(3, field(1, 6U)))));
    EXPECT_FALSE(thread_of(creds + field(11, 1U))) << "a third word";
    EXPECT_FALSE(thread_of(creds + field(14, "\x05"))) << "a packed list";
    EXPECT_FALSE(thread_of(creds + "\x98\x01\x04")) << "one word";
    EXPECT_FALSE(thread_of(creds.substr(2))) << "no user";
    EXPECT_FALSE(thread_of("\x08"));
    EXPECT_FALSE(criu::parse_thread_core(head + record("\x08\x01\x2a\x05\x52")));
    EXPECT_FALSE(criu::parse_thread_core(head));
}

TEST(OpenFiles, tell_the_machine_from_the_beginning_of_a_core) {
    EXPECT_EQ(criu::parse_mtype(data("images/core-1.img").substr(0, 64)).value(), criu::March::x86_64);
    EXPECT_FALSE(criu::parse_mtype(data("images/core-1.img").substr(0, 12)));
    EXPECT_FALSE(criu::parse_mtype(data("images/pstree.img")));
}

TEST(Core, tells_name_and_state_of_a_process) {
    const auto task = criu::parse_tc(head + record(field(1, 1U) + field(3, field(1, 6U) + field(6, "sh"))));
    ASSERT_TRUE(task) << task.error().text;
    EXPECT_EQ(task->comm, "sh");
    EXPECT_EQ(task->task_state, criu::TaskState::zombie);
    EXPECT_EQ(criu::parse_tc(data("images/core-1.img"))->task_state, criu::TaskState::alive);
    EXPECT_FALSE(criu::parse_tc(head + record(field(1, 1U) + field(3, "\x08"))));
}

TEST(Core, has_ids_beside_it) {
    const std::string ids_head("\x19\x43\x56\x54\x30\x20\x43\x54", 8);
    const auto ids = criu::parse_ids(ids_head + record(field(1, 1U) + field(2, 7U)));
    ASSERT_TRUE(ids) << ids.error().text;
    EXPECT_EQ(ids->files_id, 7U);
    EXPECT_FALSE(criu::parse_ids(ids_head));
    EXPECT_FALSE(criu::parse_ids(ids_head + record("") + record("")));
    EXPECT_FALSE(criu::parse_ids(ids_head + record("\x08")));
    EXPECT_FALSE(criu::parse_ids(files_head));
}
