// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "wake/tar.hpp"

#include "../support.hpp"
#include "base/file.hpp"
#include "made_tar.hpp"

using namespace lpm;
using wake::Member;
using wake::Tar;

static Result<std::vector<Member>> members_of(std::string_view content) {
    const Fd file = file_of(content);
    TRY_ASSIGN(Tar tar, Tar::open(file.get(), {0, content.size()}));
    std::vector<Member> members;
    for (;;) {
        TRY_ASSIGN(auto member, tar.next());
        if (!member)
            return members;
        members.push_back(*std::move(member));
    }
}

TEST(WakeTar, tells_each_member) {
    const auto members =
        members_of(tar_of({tar_member("./", '5'), tar_member("./a/", '5'), tar_member("a/f", '0', "content"),
                           tar_member("a/s", '2', "", "/etc"), tar_member("h", '1', "", "./a/f"),
                           tar_member("dev", '3'), tar_member("p", '6')}));
    ASSERT_TRUE(members) << members.error().text;
    ASSERT_EQ(members->size(), 7U);
    const std::pair<std::string, Member::Kind> expected[] = {
        {"", Member::Kind::folder},  {"a", Member::Kind::folder},    {"a/f", Member::Kind::file},
        {"a/s", Member::Kind::link}, {"h", Member::Kind::hard_link}, {"dev", Member::Kind::other},
        {"p", Member::Kind::fifo}};
    for (std::size_t i = 0; i < members->size(); ++i) {
        EXPECT_EQ(members->at(i).name, expected[i].first);
        EXPECT_EQ(members->at(i).kind, expected[i].second) << expected[i].first;
    }
    EXPECT_EQ(members->at(2).content->offset, 3 * 512U);
    EXPECT_EQ(members->at(2).content->size, 7U);
    EXPECT_EQ(members->at(2).mode, 0600U);
    EXPECT_EQ(members->at(3).target, "/etc");
    EXPECT_EQ(members->at(4).target, "a/f");
}

TEST(WakeTar, has_names_as_the_bytes_that_they_are) {
    // Two bytes that are no UTF-8, and a letter and its accent, which a library may put together.
    for (const std::string name : {"\xff\xfe", "e\xcc\x81", "\xc3\xa9"}) {
        const auto members =
            members_of(tar_of({tar_member("x", 'x', pax_record("path", name)), tar_part("y", "")}));
        ASSERT_TRUE(members) << members.error().text;
        EXPECT_EQ(members->at(0).name, name);
    }
    const std::string name(3000, 'n');
    const auto members = members_of(
        tar_of({tar_member("././@LongLink", 'L', name + std::string(1, '\0')), tar_part("y", "")}));
    ASSERT_TRUE(members) << members.error().text;
    EXPECT_EQ(members->at(0).name, name);
}

TEST(WakeTar, has_extended_attributes) {
    const std::string value("\0\1=\n", 4);
    const auto members = members_of(
        tar_of({tar_member("x", 'x', pax_record("SCHILY.xattr.user.a", value) + pax_record("mtime", "7.25")),
                tar_part("y", "")}));
    ASSERT_TRUE(members) << members.error().text;
    ASSERT_EQ(members->at(0).attributes.size(), 1U);
    EXPECT_EQ(members->at(0).attributes[0], std::pair(std::string("user.a"), value));
    EXPECT_EQ(members->at(0).modified.tv_sec, 7);
    EXPECT_EQ(members->at(0).modified.tv_nsec, 250'000'000);
}

TEST(WakeTar, is_not_whole_without_any_of_its_last_bytes) {
    // Content that looks like the half of an end mark.
    const std::string whole = tar_of({tar_part("a", "x"), tar_part("b", std::string(512, '\0'))});
    EXPECT_TRUE(members_of(whole));
    for (std::size_t size = whole.size() - 1; size > 0; --size) {
        const auto cut = members_of(whole.substr(0, size));
        ASSERT_FALSE(cut) << size;
        EXPECT_EQ(cut.error().code, Errc::invalid) << size << cut.error().text;
        EXPECT_EQ(cut.error().sys, 0);
    }
}

TEST(WakeTar, ends_where_it_is_said_to) {
    const std::string inner = tar_of({tar_part("a", "inside")});
    const Fd file = file_of("before" + inner + tar_of({tar_part("b", "behind")}));
    auto tar = Tar::open(file.get(), {6, inner.size()});
    ASSERT_TRUE(tar);
    auto member = tar->next();
    ASSERT_TRUE(member && *member);
    EXPECT_EQ(wake::read_extent(file.get(), *(*member)->content, 100).value(), "inside");
    EXPECT_FALSE(wake::read_extent(file.get(), *(*member)->content, 5));
    member = tar->next();
    ASSERT_TRUE(member);
    EXPECT_FALSE(*member);
    EXPECT_FALSE(Tar::open(file.get(), {6, 600}).and_then([](Tar cut) {
        return cut.next().and_then([&](auto) { return cut.next(); });
    }));
}

TEST(WakeTar, has_no_header_without_end) {
    const auto members = members_of(tar_of(
        {tar_member("x", 'x', pax_record("comment", std::string(3U << 20U, 'c'))), tar_part("y", "")}));
    ASSERT_FALSE(members);
    EXPECT_EQ(members.error().code, Errc::invalid) << members.error().text;
}

TEST(WakeTar, copies_content_and_holes) {
    // 0.1: pairs of offset and length.
    const std::string sparse = pax_record("GNU.sparse.major", "0") + pax_record("GNU.sparse.minor", "1") +
                               pax_record("GNU.sparse.name", "holes") +
                               pax_record("GNU.sparse.size", "100000") +
                               pax_record("GNU.sparse.map", "50000,4,100000,0");
    const std::string content =
        tar_of({tar_part("plain", "plain content"), tar_member("x", 'x', sparse), tar_part("y", "data")});
    const Fd file = file_of(content);
    auto tar = Tar::open(file.get(), {0, content.size()});
    ASSERT_TRUE(tar);
    std::string expected(100000, '\0');
    expected.replace(50000, 4, "data");
    for (const std::string& text : {std::string("plain content"), expected}) {
        const auto member = tar->next();
        ASSERT_TRUE(member && *member) << member.error().text;
        EXPECT_EQ((*member)->content.has_value(), text.size() < 100);
        const Fd to = file_of("");
        const auto copied = tar->copy(**member, to.get());
        ASSERT_TRUE(copied) << copied.error().text;
        EXPECT_EQ(wake::read_extent(to.get(), {0, 200000}, 200000).value(), text);
    }
}
