// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "wake/contents.hpp"

#include <fcntl.h>

#include "../support.hpp"
#include "base/file.hpp"
#include "made_tar.hpp"
#include "wake/images.hpp"

using namespace lpm;

static std::string usual(std::vector<std::string> more = {}) {
    std::vector<std::string> parts = {
        tar_member("checkpoint/", '5'),        tar_part("checkpoint/core-1.img", "core"),
        tar_part("checkpoint/lpm.json", "{}"), tar_part("spec.dump", "spec"),
        tar_part("rootfs-diff.tar", ""),       tar_part("dump.log", "log")};
    parts.insert(parts.end(), more.begin(), more.end());
    return tar_of(parts);
}

static Result<wake::Contents> read(const std::string& content) {
    const Fd file = file_of(content);
    return wake::read_contents(file.get());
}

TEST(WakeContents, are_what_a_restore_takes) {
    const Fd file = file_of(usual());
    const auto contents = wake::read_contents(file.get());
    ASSERT_TRUE(contents) << contents.error().text;
    EXPECT_EQ(contents->image_bytes, 4 + 2 + 4U);
    EXPECT_EQ(contents->rootfs_diff->size, 0U);
    EXPECT_FALSE(contents->deleted_files);
    EXPECT_EQ(wake::read_manifest(file.get(), *contents).value(), "{}");
    EXPECT_EQ(wake::read_manifest(file.get(), {}).error().code, Errc::absent);
}

TEST(WakeContents, that_CRI_O_would_not_write_are_refused) {
    for (const auto& part :
         {tar_part("checkpoint/core-1.img", "again"), tar_part("spec.dump", "again"),
          tar_member("checkpoint/x", '2', "", "/etc"), tar_member("checkpoint/x", '1', "", "spec.dump"),
          tar_member("checkpoint/x", '3'), tar_member("checkpoint/x", '6'),
          tar_member("checkpoint", '2', "", "/etc"), tar_part("checkpoint", ""),
          tar_part("checkpoint/a/b", ""), tar_part("checkpoint/..", ""), tar_part("checkpoint/a b", ""),
          tar_part("checkpoint/\n", ""), tar_member("deleted.files", '2', "", "/etc"),
          tar_member("deleted.files", '5')}) {
        const auto contents = read(usual({part}));
        ASSERT_FALSE(contents) << part.substr(0, 100);
        EXPECT_EQ(contents.error().code, Errc::invalid);
    }
    EXPECT_TRUE(read(usual(
        {tar_member("checkpoint/empty", '5'), tar_member("link", '2', "", "/etc"), tar_part("../x", "")})));
}

TEST(WakeContents, are_of_a_regular_file) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const Fd from(ends[0]);
    const Fd to(ends[1]);
    EXPECT_EQ(wake::read_contents(from.get()).error().code, Errc::invalid);
}

TEST(WakeImages, are_written_into_an_empty_folder) {
    const TempDir dir;
    const Fd file = file_of(usual());
    const auto contents = wake::read_contents(file.get());
    ASSERT_TRUE(contents);
    const Fd to = open_at(AT_FDCWD, dir.path(), O_RDONLY | O_DIRECTORY).value();
    const auto written = wake::write_images(file.get(), *contents, to.get());
    ASSERT_TRUE(written) << written.error().text;
    EXPECT_EQ(read_file(AT_FDCWD, dir.path("checkpoint/core-1.img"), 100).value(), "core");
    EXPECT_EQ(read_file(AT_FDCWD, dir.path("spec.dump"), 100).value(), "spec");
    EXPECT_EQ(wake::write_images(file.get(), *contents, to.get()).error().code, Errc::exists);
    EXPECT_TRUE(std::filesystem::exists(dir.path("spec.dump")));
}

TEST(WakeImages, leave_nothing_when_they_cannot_all_be_written) {
    const TempDir dir;
    const std::string content = usual();
    const Fd file = file_of(content);
    const auto contents = wake::read_contents(file.get());
    ASSERT_TRUE(contents);
    ASSERT_EQ(::ftruncate(file.get(), 4 * 512), 0); // it changes between the two readings
    const Fd to = open_at(AT_FDCWD, dir.path(), O_RDONLY | O_DIRECTORY).value();
    EXPECT_FALSE(wake::write_images(file.get(), *contents, to.get()));
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}
