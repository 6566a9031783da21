// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "json/splitter.hpp"

#include <gtest/gtest.h>
#include <vector>

using namespace lpm;
using json::Splitter;

// What comes out of `text` when it comes in pieces of `size` bytes.
static std::vector<std::string> split(Splitter::Into into, std::string_view text, std::size_t size,
                                      std::size_t longest = 1000) {
    std::vector<std::string> found;
    Splitter splitter(into, longest, [&](std::string_view document) -> Result<> {
        found.emplace_back(document);
        return {};
    });
    for (std::size_t i = 0; i < text.size(); i += size)
        if (auto taken = splitter.push(text.substr(i, size)); !taken)
            return {taken.error().text};
    if (auto done = splitter.finish(); !done)
        return {done.error().text};
    return found;
}

TEST(Splitter, cuts_in_the_same_places_whatever_the_pieces_are) {
    struct Row {
        Splitter::Into into;
        std::string text;
        std::vector<std::string> documents;
    };
    const Row rows[] = {
        {Splitter::Into::documents, "{\"a\": 1}\n{\"b\": \"}\"}\n", {R"({"a":1})", R"({"b":"}"})"}},
        {Splitter::Into::documents, R"({"a":"\"}{"}[1,[2]])", {R"({"a":"\"}{"})", "[1,[2]]"}},
        {Splitter::Into::documents, "", {}},
        {Splitter::Into::items,
         R"({"items":[{"a":[1]},{"b":{}}],"metadata":{"x":"items"}})",
         {R"({"a":[1]})", R"({"b":{}})", R"({"items":[],"metadata":{"x":"items"}})"}},
        {Splitter::Into::items,
         R"({"metadata":{"items":[1,2]},"items":[]})",
         {R"({"metadata":{"items":[1,2]},"items":[]})"}},
        {Splitter::Into::items,
         R"({"kind":"items","other":[1],"items":[{"items":[3]}]})",
         {R"({"items":[3]})", R"({"kind":"items","other":[1],"items":[]})"}},
        {Splitter::Into::items, R"({"items":null})", {R"({"items":null})"}},
        {Splitter::Into::documents, "1", {"json: not an object"}},
        {Splitter::Into::documents, "{]", {"json: a bracket closes that was not open"}},
        {Splitter::Into::documents, "{", {"json: ends in the middle of a document"}},
        {Splitter::Into::documents, "}", {"json: a bracket closes that was not open"}},
        {Splitter::Into::items, R"({"items":[1]})", {"json: not an object among the items"}},
        {Splitter::Into::items, R"({"items":[[1]]})", {"json: not an object among the items"}},
        {Splitter::Into::documents,
         "{\"" + std::string(1000, 'x') + "\"}",
         {"json: a document longer than 1000 bytes"}},
        {Splitter::Into::documents, std::string(65, '['), {"json: nested deeper than 64"}},
    };
    for (const Row& row : rows)
        for (const std::size_t size : {1UZ, 2UZ, 3UZ, 7UZ, 10000UZ})
            EXPECT_EQ(split(row.into, row.text, size), row.documents) << row.text << " by " << size;
}

TEST(Splitter, takes_nothing_after_a_fault) {
    Splitter splitter(Splitter::Into::documents, 100, [](std::string_view) { return Result<>(); });
    EXPECT_FALSE(splitter.push("}"));
    EXPECT_FALSE(splitter.push("{}"));
    EXPECT_FALSE(splitter.finish());
}

TEST(Splitter, hands_on_what_the_sink_says) {
    Splitter splitter(Splitter::Into::documents, 100,
                      [](std::string_view) { return Result<>(fail(Errc::absent, "too old")); });
    const auto taken = splitter.push("{}");
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, Errc::absent);
}

TEST(Without, leaves_a_member_out) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {R"({"m":{"x":[{"a":"}]\"","b":{}}],"n":1}})", R"({"m":{"n":1}})"},
        {R"({"x":{"a":1},"x":{"b":2},"c":3})", R"({"c":3})"},
        {R"({"n":1,"x":[1]})", R"({"n":1,"x":[1]})"},
        {R"({"x":1,"n":"\"x\":[1],"})", R"({"x":1,"n":"\"x\":[1],"})"},
        {R"({"x":[1)", R"({"x":[1)"},
        {R"("x":)", R"("x":)"},
    };
    for (const auto& [text, left] : cases)
        EXPECT_EQ(json::without(text, "x"), left) << text;
}
