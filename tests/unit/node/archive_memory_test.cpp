// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/archive_memory.hpp"

#include <gtest/gtest.h>

#include "made_archive.hpp"
#include "node/archive.hpp"

using namespace lpm;
using node::MemoryPiece;

static constexpr auto go_on = [] { return Result<>(); };
static constexpr std::uint64_t page = 4096;

// Three pages, each of one letter; the first two are neighbours in the file and not in memory.
static const std::string pages = std::string(page, 'a') + std::string(page, 'b') + std::string(page, 'c');
static const std::string runs =
    page_run(16 * page, 1, 4) + page_run(20 * page, 1, 1) + page_run(32 * page, 2, 4);

static std::vector<MemoryPiece> read(const std::string& tar, std::vector<MemoryPiece> pieces) {
    const Fd file = file_of(tar);
    const auto archive = node::read_archive(file.get(), node::Depth::processes, go_on);
    EXPECT_TRUE(archive);
    EXPECT_TRUE(node::read_memory(file.get(), archive->images, pieces, go_on));
    return pieces;
}

static std::string usual() {
    return tar_of({tar_part("checkpoint/pages-7.img", pages),
                   tar_part("checkpoint/pagemap-1.img", pagemap_of(7, runs))});
}

TEST(ArchiveMemory, is_read_wherever_its_pages_are_in_the_tar) {
    const std::vector<MemoryPiece> pieces = {
        {.pid = 1, .begin = 33 * page - 2, .end = 33 * page + 3},
        {.pid = 1, .begin = 16 * page + 10, .end = 16 * page + 12},
        {.pid = 1, .begin = 17 * page - 1, .end = 17 * page + 1}, // ends where nothing was written
        {.pid = 1, .begin = 100 * page, .end = 100 * page + 2},
    };
    const std::string after = tar_of({tar_part("checkpoint/pagemap-1.img", pagemap_of(7, runs)),
                                      tar_part("checkpoint/pages-7.img", pages)});
    for (const auto& tar : {usual(), after}) {
        const auto found = read(tar, pieces);
        EXPECT_EQ(found[0].content, "bbccc");
        EXPECT_EQ(found[1].content, "aa");
        EXPECT_EQ(found[2].content, std::string("a\0", 2));
        EXPECT_EQ(found[3].content, std::string(2, '\0'));
        for (const auto& one : found)
            EXPECT_EQ(one.fault, "");
    }
}

TEST(ArchiveMemory, that_is_not_there_is_told) {
    const auto found = read(usual(), {{.pid = 1, .begin = 20 * page, .end = 20 * page + 1},
                                      {.pid = 2, .begin = 16 * page, .end = 17 * page},
                                      {.pid = 1, .begin = 16 * page, .end = 16 * page + 1}});
    EXPECT_NE(found[0].fault.find("earlier dump"), std::string::npos) << found[0].fault;
    EXPECT_NE(found[1].fault.find("pagemap-2.img is missing"), std::string::npos) << found[1].fault;
    EXPECT_EQ(found[2].content, "a") << found[2].fault;
    EXPECT_EQ(found[0].content + found[1].content, "");
}

TEST(ArchiveMemory, is_not_taken_from_beyond_its_file) {
    const std::string map = tar_part("checkpoint/pagemap-1.img", pagemap_of(7, runs));
    const std::vector<MemoryPiece> pieces = {{.pid = 1, .begin = 33 * page, .end = 33 * page + 4}};
    const auto short_file =
        read(tar_of({map, tar_part("checkpoint/pages-7.img", pages.substr(0, 2 * page))}), pieces);
    EXPECT_NE(short_file[0].fault.find("fewer pages"), std::string::npos) << short_file[0].fault;
    const auto none = read(tar_of({map}), pieces);
    EXPECT_NE(none[0].fault.find("pages-7.img is missing"), std::string::npos) << none[0].fault;
    std::string cut = tar_of({map, tar_part("checkpoint/pages-7.img", pages)});
    const auto cut_off = read(cut.substr(0, cut.size() - 1024 - page + 2), pieces);
    EXPECT_NE(cut_off[0].fault.find("ends before"), std::string::npos) << cut_off[0].fault;
    EXPECT_EQ(cut_off[0].content, "");
}

TEST(ArchiveMemory, of_page_maps_that_overflow_is_none) {
    const std::string huge = ::record(std::string("\x08\x80\xe0\xff\xff\xff\xff\xff\xff\xff\x01", 11) +
                                      field(2, 0U) + field(4, 4U) + field(5, 9U));
    const auto found = read(tar_of({tar_part("checkpoint/pagemap-1.img", pagemap_of(7, huge)),
                                    tar_part("checkpoint/pages-7.img", pages)}),
                            {{.pid = 1, .begin = 0, .end = 8}});
    EXPECT_NE(found[0].fault.find("damaged"), std::string::npos) << found[0].fault;
}

TEST(ArchiveMemory, of_page_maps_without_order_is_none) {
    const std::string twice = page_run(16 * page, 1, 4) + page_run(16 * page, 1, 4);
    const auto found = read(tar_of({tar_part("checkpoint/pagemap-1.img", pagemap_of(7, twice)),
                                    tar_part("checkpoint/pages-7.img", pages)}),
                            {{.pid = 1, .begin = 16 * page, .end = 16 * page + 8}});
    EXPECT_NE(found[0].fault.find("damaged"), std::string::npos) << found[0].fault;
    EXPECT_EQ(found[0].content, "");
}

TEST(ArchiveMemory, that_two_claim_is_given_to_one) {
    const auto found = read(tar_of({tar_part("checkpoint/pages-7.img", pages),
                                    tar_part("checkpoint/pagemap-1.img", pagemap_of(7, runs)),
                                    tar_part("checkpoint/pagemap-2.img", pagemap_of(7, runs))}),
                            {{.pid = 1, .begin = 16 * page, .end = 16 * page + 4},
                             {.pid = 2, .begin = 16 * page, .end = 16 * page + 4}});
    EXPECT_EQ(found[0].content + found[1].content, "aaaa");
    EXPECT_NE((found[0].fault + found[1].fault).find("another process"), std::string::npos);
}

TEST(ArchiveMemory, that_nobody_waits_for_is_not_read_on) {
    const Fd file = file_of(usual());
    const auto archive = node::read_archive(file.get(), node::Depth::processes, go_on);
    ASSERT_TRUE(archive);
    std::vector<MemoryPiece> pieces = {{.pid = 1, .begin = 16 * page, .end = 16 * page + 4}};
    const auto ended = [] { return Result<>(fail(Errc::unavailable, "nobody waits")); };
    EXPECT_FALSE(node::read_memory(file.get(), archive->images, pieces, ended));
}
