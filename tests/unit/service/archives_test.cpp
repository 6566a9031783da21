// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "service/archives.hpp"

#include <gtest/gtest.h>

#include "service/message.hpp"

using namespace lpm;

TEST(ArchiveList, comes_back_as_it_was_written) {
    std::vector<service::ArchiveFolder> folders(2);
    folders[0] = {
        .path = "/a",
        .cut_off = true,
        .files = {{"/a/1.tar", "1:2", 5, 6, true, false}, {"/a/2.tar", "1:3", 0, 0, false, std::nullopt}}};
    folders[1] = {.path = "/b", .fault = "cannot be read"};
    const auto read = service::parse_archives(service::write_archives(folders));
    ASSERT_TRUE(read) << read.error().text;
    ASSERT_EQ(read->size(), 2U);
    EXPECT_TRUE(read->at(0).cut_off);
    ASSERT_EQ(read->at(0).files.size(), 2U);
    const auto& file = read->at(0).files[0];
    EXPECT_EQ(file.path, "/a/1.tar");
    EXPECT_EQ(file.id, "1:2");
    EXPECT_EQ(file.size, 5U);
    EXPECT_EQ(file.modified_ms, 6U);
    EXPECT_TRUE(file.pinned);
    EXPECT_EQ(file.writing, false);
    EXPECT_EQ(read->at(0).files[1].writing, std::nullopt);
    EXPECT_EQ(read->at(1).fault, "cannot be read");
}

TEST(ArchiveList, has_room_for_as_many_as_may_be_listed) {
    std::vector<service::ArchiveFolder> folders(1);
    folders[0].path = "/" + std::string(100, 'f');
    for (std::size_t i = 0; i < service::max_archives; ++i)
        folders[0].files.push_back({.path = folders[0].path + "/" + std::string(250, 'n') + std::to_string(i),
                                    .id = std::string(60, '1'),
                                    .size = UINT64_MAX,
                                    .modified_ms = UINT64_MAX,
                                    .pinned = true,
                                    .writing = false});
    const auto read = service::parse_archives(service::write_archives(folders));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->at(0).files.size(), service::max_archives);
}

TEST(ArchiveList, is_an_error_or_a_list) {
    EXPECT_EQ(service::parse_archives(service::write_archives(fail(Errc::denied, "no"))).error().code,
              Errc::denied);
    EXPECT_EQ(service::parse_archive(service::write_archive(fail(Errc::busy, "no"))).error().code,
              Errc::busy);
    for (const char* text :
         {"", "{}", "[]", R"({"folders":[{"files":[{}]}]})", R"({"archive":{"path":"/a"}})"}) {
        EXPECT_FALSE(service::parse_archives(text)) << text;
        EXPECT_FALSE(service::parse_archive(text)) << text;
    }
}

TEST(Request, of_an_archive_names_its_path) {
    const service::Request request{
        .verb = service::Verb::open_archive, .path = "/var/" + std::string(1000, 'a'), .file_id = "1:2"};
    const auto read = service::parse_request(service::write_request(request));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->verb, request.verb);
    EXPECT_EQ(read->path, request.path);
    EXPECT_EQ(read->file_id, "1:2");
    EXPECT_TRUE(service::parse_request(R"({"verb":"list-archives"})"));
    for (const char* path : {"", "a.tar", "\\u0000", "/a\\u0000b"}) {
        const auto wrong =
            service::parse_request(R"({"verb":"delete-archive","path":")" + std::string(path) + R"("})");
        ASSERT_FALSE(wrong) << path;
        EXPECT_EQ(wrong.error().code, Errc::invalid);
    }
}
