// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/archive.hpp"

#include <algorithm>
#include <fcntl.h>

#include <gtest/gtest.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "made_archive.hpp"

using namespace lpm;
using node::Archive;
using node::ArchiveState;
using node::Depth;

static constexpr auto go_on = [] { return Result<>(); };

static std::string corpus(const std::string& name) {
    return read_file(AT_FDCWD, LPM_SOURCE_ROOT "/tests/fuzz/corpus/archive/" + name, 1U << 20U).value();
}

static Result<Archive> read(std::string_view content, Depth depth = Depth::identity) {
    const Fd file = file_of(content);
    return node::read_archive(file.get(), depth, go_on);
}

// Reads all of it, as who verifies it does.
static Result<Archive> read_all(std::string_view content) {
    const Fd file = file_of(content);
    return node::read_archive(file.get(), Depth::images, go_on, [](std::span<const std::byte>) {});
}

TEST(Archive, is_whole_however_it_is_packed) {
    for (const auto& [name, format] :
         {std::pair("whole", "tar"), {"pax", "tar"}, {"gzip", "tar+gzip"}, {"zstd", "tar+zstd"}}) {
        for (const auto& found : {read(corpus(name)), read_all(corpus(name))}) {
            ASSERT_TRUE(found) << name;
            EXPECT_EQ(found->state, ArchiveState::whole) << name << found->message;
            EXPECT_EQ(found->format, format);
            EXPECT_EQ(found->identity.engine, "CRI-O");
            EXPECT_EQ(found->identity.container, "abc");
            EXPECT_EQ(found->identity.attempt, "a");
        }
    }
}

TEST(Archive, is_whole_when_more_is_unpacked_than_is_read_at_once) {
    for (const char* name : {"long-zstd", "long-gzip"})
        for (const auto& found : {read(corpus(name)), read_all(corpus(name))})
            EXPECT_EQ(found->state, ArchiveState::whole) << name << ": " << found->message;
}

TEST(Archive, is_not_whole_without_any_of_its_last_bytes) {
    for (const char* name : {"whole", "pax"}) {
        const std::string content = corpus(name);
        for (std::size_t size = content.size() - 1; size > content.size() - 1100; --size) {
            for (const auto& found : {read(content.substr(0, size)), read_all(content.substr(0, size))}) {
                ASSERT_TRUE(found);
                EXPECT_EQ(found->state, ArchiveState::truncated) << name << size;
                EXPECT_EQ(found->identity.attempt, "a");
            }
        }
    }
    EXPECT_NE(read(corpus("zstd-cut"))->state, ArchiveState::whole);
}

TEST(Archive, that_is_packed_has_a_checksum_at_its_end) {
    std::string gzip = corpus("gzip");
    gzip[gzip.size() - 6] ^= 1;
    EXPECT_EQ(read_all(gzip)->state, ArchiveState::truncated);
    std::string zstd = corpus("zstd"); // one block: nothing of it comes
    zstd.back() ^= 1;
    EXPECT_EQ(read_all(zstd)->state, ArchiveState::other);
}

TEST(Archive, that_would_take_too_much_memory_is_not_read) {
    const auto found = read(corpus("zstd-window"));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::unavailable);
}

TEST(Archive, that_nobody_waits_for_is_not_read_on) {
    const Fd file = file_of(corpus("whole"));
    int asked = 0;
    const auto found = node::read_archive(file.get(), Depth::identity, [&]() -> Result<> {
        if (++asked > 3)
            return fail(Errc::unavailable, "nobody waits");
        return {};
    });
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().text, "nobody waits");
}

TEST(Archive, keeps_what_is_asked_for) {
    EXPECT_TRUE(read(corpus("whole"))->parts.empty());
    const auto found = read(corpus("whole"), Depth::images);
    EXPECT_EQ(found->parts.size(), 5U);
    EXPECT_TRUE(found->images.read("inventory.img"));
    EXPECT_EQ(found->images.read("core-1.img").error().code, Errc::absent);
    EXPECT_EQ(found->images.read_head("inventory.img", 4)->size(), 4U);
}

TEST(Archive, tells_a_part_that_is_none) {
    std::string content = corpus("whole");
    const auto at = content.find("\"attempt\"");
    ASSERT_NE(at, std::string::npos);
    content[at] = '[';
    const auto found = read(content);
    EXPECT_EQ(found->unread, "checkpoint/lpm.json");
    EXPECT_EQ(found->state, ArchiveState::incomplete);
}
