// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "output.hpp"

#include <gtest/gtest.h>

using namespace lpm;

TEST(Table, has_columns_as_wide_as_they_must_be) {
    EXPECT_EQ(cli::text_of({{"ID", "NAME", "LAST"}, {{"1", "caf\xc3\xa9", ""}, {"22", "x", "end"}}}),
              "ID  NAME  LAST\n"
              "1   caf\xc3\xa9\n"
              "22  x     end");
}

TEST(Description, is_aligned_and_leaves_out_what_is_empty) {
    cli::Description text;
    text.add("Name", "a");
    text.add("Empty", "");
    text.add("A longer one", "b");
    text.add_line("below");
    EXPECT_EQ(text.text(), "Name:          a\nA longer one:  b\n  below");
}

TEST(Bar, is_a_share_and_never_nothing_of_something) {
    EXPECT_EQ(cli::bar_of(0, 10, 10), "");
    EXPECT_EQ(cli::bar_of(1, 1000, 10), "#");
    EXPECT_EQ(cli::bar_of(5, 10, 10), "#####");
    EXPECT_EQ(cli::bar_of(20, 10, 10), "##########");
    EXPECT_EQ(cli::bar_of(UINT64_MAX, UINT64_MAX, 3), "###");
}

TEST(Time, is_for_people) {
    for (const auto& [microseconds, text] : {std::pair<std::uint64_t, const char*>{0, "0 us"},
                                             {999, "999 us"},
                                             {1000, "1.0 ms"},
                                             {9990, "10.0 ms"},
                                             {412'000, "412 ms"},
                                             {1'300'000, "1.3 s"},
                                             {200'000'000, "3 min 20 s"}})
        EXPECT_EQ(cli::human_time(microseconds), text);
}

TEST(Yaml, takes_no_text_for_something_else) {
    const json::Value value{
        {"yes", "no"},
        {"plain", {{"list", {1, "1", true, "true", nullptr}}, {"empty", json::Value::array()}}},
        {"two words", "a: b\n# c"}};
    EXPECT_EQ(cli::write_yaml(value), "plain:\n"
                                      "  empty: []\n"
                                      "  list:\n"
                                      "    - 1\n"
                                      "    - \"1\"\n"
                                      "    - true\n"
                                      "    - \"true\"\n"
                                      "    - null\n"
                                      "\"two words\": \"a: b\\n# c\"\n"
                                      "\"yes\": \"no\"\n");
    EXPECT_EQ(cli::write_yaml(json::Value::object()), "{}\n");
    EXPECT_EQ(cli::write_yaml({{{"a", 1}}, {{"b", 2}}}), "-\n  a: 1\n-\n  b: 2\n");
}

TEST(Json, has_nothing_that_a_terminal_obeys) {
    const json::Value value{{"a\x7f", "\x1b[31m \xc2\x9b"
                                      "31m \x9b \xc3\x9f \xc2\xa0"}};
    const std::string text = "{\"a\\u007f\":\"\\u001b[31m \\u009b31m \xef\xbf\xbd \xc3\x9f \xc2\xa0\"}";
    EXPECT_EQ(cli::write_json(value), text);
    EXPECT_EQ(json::parse(text).value(), json::parse(json::write(value)).value());
    EXPECT_EQ(cli::write_yaml(value),
              "\"a\\u007f\": \"\\u001b[31m \\u009b31m \xef\xbf\xbd \xc3\x9f \xc2\xa0\"\n");
}
