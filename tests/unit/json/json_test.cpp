// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "json/json.hpp"

#include <gtest/gtest.h>

using namespace lpm;

TEST(Json, refuses_what_is_too_much) {
    EXPECT_TRUE(json::parse("[[1]]", {.bytes = 5, .depth = 2, .values = 2}));
    EXPECT_FALSE(json::parse("[[1]] ", {.bytes = 5}));
    EXPECT_FALSE(json::parse("[[1]]", {.depth = 1}));
    EXPECT_FALSE(json::parse("[1,2,3]", {.values = 2}));
    EXPECT_TRUE(json::parse(R"(["[[[\"[["])", {.depth = 1})) << "brackets in strings are text";
    EXPECT_FALSE(json::parse(std::string(100'000, '[')));
}

TEST(Json, refuses_what_is_no_document) {
    for (const char* bad : {"", "{", "{} {}", "nul", "{\"a\":}", "\xff"})
        EXPECT_FALSE(json::parse(bad)) << bad;
}

TEST(Json, reads_by_path_and_type) {
    const auto value = json::parse(R"({"a":{"b":"text","n":-1,"u":18446744073709551615,"t":true}})").value();
    EXPECT_EQ(json::text_or_empty(value, "a.b"), "text");
    EXPECT_EQ(json::text_or_empty(value, "a.n"), "");
    EXPECT_EQ(json::integer(value, "a.n"), -1);
    EXPECT_FALSE(json::integer(value, "a.u"));
    EXPECT_FALSE(json::natural(value, "a.n"));
    EXPECT_TRUE(json::is_true(value, "a.t"));
    EXPECT_EQ(json::find_path(value, "a.b.c"), nullptr);
}

TEST(Json, reads_lists_and_members_whose_names_have_dots) {
    const auto value = json::parse(R"({"a":{"list":[1,2],"text":"x"},"b.c":"dotted","d":7})");
    ASSERT_TRUE(value);
    EXPECT_EQ(json::list_at(*value, "a.list").size(), 2U);
    for (const char* none : {"a.text", "a.none", "d", "b.c"})
        EXPECT_TRUE(json::list_at(*value, none).empty()) << none;
    EXPECT_EQ(json::member_text(*value, "b.c"), "dotted");
    for (const char* none : {"a.text", "d", "none"})
        EXPECT_EQ(json::member_text(*value, none), "") << none;
}

TEST(Json, writes_names_that_are_no_text) {
    EXPECT_EQ(json::write("a\xff"), "\"a\xef\xbf\xbd\"");
}
