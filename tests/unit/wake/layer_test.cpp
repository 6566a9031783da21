// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "wake/layer.hpp"

#include "../support.hpp"

using namespace lpm;
using wake::Member;
using Kind = wake::Member::Kind;

static Member file(std::string name) {
    return {.name = std::move(name)};
}
static Member folder(std::string name) {
    return {.name = std::move(name), .kind = Kind::folder};
}
static Member soft_link(std::string name, std::string target) {
    return {.name = std::move(name), .kind = Kind::link, .target = std::move(target)};
}
static Member hard_link(std::string name, std::string target) {
    return {.name = std::move(name), .kind = Kind::hard_link, .target = std::move(target)};
}

// Over a root file system that has the file etc/hosts.
static Result<> judge(const std::vector<Member>& members) {
    wake::LayerJudge judge([](const std::string& path) { return path == "etc/hosts"; });
    for (const Member& member : members)
        TRY(judge.take(member));
    return {};
}

TEST(WakeLayer, of_an_ordinary_container_is_taken) {
    EXPECT_TRUE(judge({}));
    EXPECT_TRUE(judge({folder(""), folder("a"), file("a/b"), soft_link("a/l", "/anywhere/.."),
                       hard_link("c", "a/b"), hard_link("d", "c"), hard_link("e", "etc/hosts")}));
    EXPECT_TRUE(judge({file("a/b/c"), folder("a/b"), folder("a"), file("...")}))
        << "folders behind what is in them";
    EXPECT_TRUE(judge({soft_link("a", "b"), soft_link("ab", "c"), file("a.b"), file("aa/b")}));
}

TEST(WakeLayer, that_is_not_one_is_refused) {
    const std::vector<Member> layers[] = {
        {file("")},
        {file("/a")},
        {file("..")},
        {file("a/../../b")},
        {file("a/./b")},
        {file("a//b")},
        {file(std::string(256, 'n'))},
        {file(std::string(4096, '/'))},
        {file("a/.wh.b")},
        {file(".wh..wh..opq")},
        {{.name = "dev", .kind = Kind::other}},
        {soft_link("a", "")},
        {soft_link("a", std::string(4096, 'x'))},
        {file("a"), file("a")},
        {file("a"), folder("a")},
        {folder("a"), folder("a")},
        {soft_link("a", "/etc"), file("a/b")},
        {soft_link("a", "/etc"), file("a/b/c")},
        {soft_link("a/b", "/etc"), folder("a/b/c")},
        {file("a/b/c"), soft_link("a", "/etc")},
        {file("a/b/c"), soft_link("a/b", "/etc")},
        {file("a"), file("a/b")},
        {{.name = "a", .kind = Kind::fifo}, file("a/b")},
        {file("a"), hard_link("b", "a"), file("b/c")},
    };
    for (const auto& members : layers) {
        const auto judged = judge(members);
        ASSERT_FALSE(judged) << members.back().name;
        EXPECT_EQ(judged.error().code, Errc::invalid);
    }
}

TEST(WakeLayer, has_hard_links_to_its_own_files_only) {
    EXPECT_FALSE(judge({hard_link("a", "/etc/hosts")}));
    EXPECT_FALSE(judge({hard_link("a", "../etc/hosts")}));
    EXPECT_FALSE(judge({hard_link("a", "absent")}));
    EXPECT_FALSE(judge({hard_link("a", "b"), file("b")}));
    EXPECT_FALSE(judge({folder("b"), hard_link("a", "b")}));
    EXPECT_FALSE(judge({file("b/c"), hard_link("a", "b")}));
    EXPECT_FALSE(judge({soft_link("b", "etc/hosts"), hard_link("a", "b")}));
    EXPECT_FALSE(judge({hard_link("etc/hosts", "etc/hosts")}));
    EXPECT_FALSE(judge({soft_link("etc", "/"), hard_link("a", "etc/hosts")})) << "its folder is replaced";
    EXPECT_FALSE(judge({hard_link("a", "")}));
}

TEST(WakeLayer, has_no_names_without_end) {
    wake::LayerJudge judge([](const std::string&) { return false; });
    std::string deep;
    while (deep.size() < 4090)
        deep += "d/";
    std::size_t taken = 0;
    while (taken < 1000 && judge.take(file(deep + std::to_string(taken))))
        ++taken;
    EXPECT_EQ(taken, 1000U) << "the same folders are known once";
    taken = 0;
    while (taken < 1000 && judge.take(file(std::to_string(taken) + "/" + deep.substr(10) + "x")))
        ++taken;
    EXPECT_LT(taken, 20U) << "each has 4 MiB of folders";
}

TEST(WakeDeleted, are_paths_below_the_root) {
    EXPECT_EQ(wake::parse_deleted(R"(["/a/b","/c d"])").value(), (std::vector<std::string>{"a/b", "c d"}));
    EXPECT_TRUE(wake::parse_deleted("[]").value().empty());
    EXPECT_TRUE(wake::parse_deleted("null").value().empty());
    for (const char* text : {"", "{}", "[1]", R"(["a"])", R"(["/"])", R"([""])", R"(["/a/.."])", R"(["/a/"])",
                             R"(["/a//b"])", R"(["/a\u0000b"])", R"(["/a",)", R"("/a")"}) {
        const auto paths = wake::parse_deleted(text);
        ASSERT_FALSE(paths) << text;
        EXPECT_EQ(paths.error().code, Errc::invalid);
    }
}
