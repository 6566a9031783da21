// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/mm.hpp"

#include "wire.hpp"

using namespace lpm;

static const std::string head("\x19\x43\x56\x54\x20\x28\x49\x57", 8);

TEST(Mm, says_where_arguments_and_environment_are) {
    const auto mm = criu::parse_mm(
        head + record(field(8, 100U) + field(9, 120U) + field(10, 130U) + field(11, 150U) + field(12, 3U)));
    ASSERT_TRUE(mm) << mm.error().text;
    EXPECT_EQ(mm->arg_start, 100U);
    EXPECT_EQ(mm->arg_end, 120U);
    EXPECT_EQ(mm->env_start, 130U);
    EXPECT_EQ(mm->env_end, 150U);
}

TEST(Mm, names_the_program) {
    const std::string image = head + record(field(8, 100U) + field(12, 3U) + field(14, "vma"));
    EXPECT_EQ(criu::parse_exe_file_id(image), 3U);
    EXPECT_EQ(criu::parse_exe_file_id(image.substr(0, image.size() - 2)), 3U) << "the head is enough";
    EXPECT_FALSE(criu::parse_exe_file_id(head + record(field(8, 100U))));
    EXPECT_FALSE(criu::parse_exe_file_id(head));
    EXPECT_FALSE(criu::parse_exe_file_id(files_head + record(field(12, 3U))));
}

TEST(Mm, bears_damage) {
    EXPECT_FALSE(criu::parse_mm(""));
    EXPECT_FALSE(criu::parse_mm(head));
    EXPECT_FALSE(criu::parse_mm(head + record(field(8, 100U) + field(9, 99U)))) << "ends before it begins";
    EXPECT_FALSE(criu::parse_mm(head + record(field(10, 2U) + field(11, 1U))));
    EXPECT_FALSE(criu::parse_mm(files_head + record("")));
}
