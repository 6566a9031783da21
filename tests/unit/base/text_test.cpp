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
    EXPECT_EQ(one_line("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST(Text, lets_nothing_reach_a_terminal_that_is_not_shown) {
    EXPECT_EQ(one_line("a\xc2\x9b[31m"), "a [31m") << "a control of the second set";
    EXPECT_EQ(one_line("a\xe2\x80\xae"
                       "txt.exe"),
              "a txt.exe")
        << "right to left";
    EXPECT_EQ(one_line("a\xe2\x81\xa6z\xe2\x81\xa9"), "a z ") << "an isolate";
    EXPECT_EQ(one_line("a\xe2\x80\xa8z"), "a z") << "a separator of lines";
    for (const char* bad :
         {"\xff", "\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3"})
        EXPECT_EQ(one_line(bad).find_first_not_of('?'), std::string::npos) << "no UTF-8";
}
