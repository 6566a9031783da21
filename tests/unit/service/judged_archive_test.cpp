// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "service/judged_archive.hpp"

#include <gtest/gtest.h>

using namespace lpm;
using service::JudgedArchive;

namespace {
const JudgedArchive whole{.whole = true,
                          .engine = "CRI-O",
                          .name_space = "shop",
                          .pod = "web-1",
                          .name = "app",
                          .attempt = "attempt-1",
                          .of_object = true};
} // namespace

TEST(JudgedArchive, comes_back_as_it_was_written) {
    for (const auto& one : {whole, JudgedArchive{}, JudgedArchive{.message = "tar's end mark is missing"}}) {
        const auto read = service::parse_judged(service::write_judged(one));
        ASSERT_TRUE(read) << read.error().text;
        EXPECT_EQ(*read, one);
    }
    const auto error = service::parse_judged(service::write_judged(fail(Errc::absent, "no user lpm")));
    ASSERT_FALSE(error);
    EXPECT_EQ(error.error().code, Errc::absent);
    EXPECT_EQ(error.error().text, "no user lpm");
}

TEST(JudgedArchive, is_no_answer) {
    for (const char* text : {"", "{}", "[]", "true", R"({"whole":1})", R"({"whole":true,"attempt":"../x"})",
                             "lpm-judge: error while loading shared libraries"}) {
        const auto read = service::parse_judged(text);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code, Errc::io) << text;
    }
    const std::string longer(254, 'n');
    EXPECT_FALSE(service::parse_judged(R"({"whole":true,"name":")" + longer + R"("})"));
}

TEST(JudgedArchive, leaves_out_a_name_that_is_none) {
    auto one = whole;
    one.pod = std::string(253, 'p');
    EXPECT_TRUE(service::parse_judged(service::write_judged(one)).value().has_identity());
    one.pod += 'p';
    const auto read = service::parse_judged(service::write_judged(one)).value();
    EXPECT_EQ(read.pod, "");
    EXPECT_FALSE(read.has_identity());
}

TEST(JudgedArchives, come_back_and_lose_only_what_cannot_be_read) {
    service::JudgedArchives archives;
    archives[{"/a/1.tar", "1:2:3"}] = whole;
    archives[{"/a/1.tar", "1:2:4"}] = {};
    archives[{"/a/\n.tar", "1:2:5"}] = {.message = "is no tar"};
    const std::string text = service::write_judged_archives(archives);
    EXPECT_EQ(service::parse_judged_archives(text), archives);
    EXPECT_EQ(service::parse_judged_archives("{\n[]\n" + text + "half a line"), archives);
    EXPECT_TRUE(service::parse_judged_archives("").empty());
}
