// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/text.hpp"

#include <gtest/gtest.h>

using namespace lpm;

TEST(Text, reads_whole_numbers_only) {
    EXPECT_EQ(to_number<int>("42"), 42);
    EXPECT_EQ(to_number<unsigned>("ff", 16), 255U);
    for (const char* bad : {"", "4x", " 4", "99999999999"})
        EXPECT_FALSE(to_number<int>(bad)) << bad;
}

TEST(Text, cuts_words_and_lines) {
    std::string_view rest = "  a bc\n\nd";
    EXPECT_EQ(next_word(rest), "a");
    EXPECT_EQ(next_line(rest), " bc");
    EXPECT_EQ(next_line(rest), "");
    EXPECT_EQ(next_line(rest), "d");
    EXPECT_TRUE(rest.empty());
}

TEST(Text, writes_times_in_utc) {
    EXPECT_EQ(rfc3339({1767225600, 123456789}), "2026-01-01T00:00:00.123Z");
}

TEST(Text, writes_sizes_for_people) {
    EXPECT_EQ(human_size(1023), "1023 bytes");
    EXPECT_EQ(human_size(1536), "1.5 KiB");
    EXPECT_EQ(human_size(std::uint64_t{5} << 30), "5.0 GiB");
}

TEST(Text, makes_one_printable_line) {
    EXPECT_EQ(one_line("a\nb\x1b[31mc"), "a b [31mc");
    EXPECT_EQ(one_line("abcdef", 3), "abc...");
    EXPECT_EQ(one_line("a\xc3\xa4z", 2), "a...") << "no half of a character";
}
