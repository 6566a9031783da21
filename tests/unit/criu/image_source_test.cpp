// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/image_source.hpp"

#include <set>
#include <sys/stat.h>

#include "../support.hpp"

using namespace lpm;

namespace {

class ImageDirectory : public testing::Test {
  protected:
    ImageDirectory() { dir.write("core-1.img", "0123456789"); }
    [[nodiscard]] criu::ImageDirectory source() const { return *criu::ImageDirectory::open(dir.path()); }
    TempDir dir;
};

} // namespace

TEST_F(ImageDirectory, reads_what_is_there) {
    EXPECT_EQ(source().read("core-1.img").value_or("?"), "0123456789");
    EXPECT_EQ(source().read_head("core-1.img", 4).value_or("?"), "0123");
    EXPECT_EQ(source().read_head("core-1.img", 40).value_or("?"), "0123456789");
    EXPECT_EQ(source().size("core-1.img"), 10U);
    EXPECT_TRUE(source().has("core-1.img"));
}

TEST_F(ImageDirectory, tells_what_is_missing) {
    for (const auto& read : {source().read("mm-1.img"), source().read_head("mm-1.img", 4)}) {
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().code, Errc::absent);
        EXPECT_EQ(read.error().text, "mm-1.img is missing");
    }
    EXPECT_FALSE(source().size("mm-1.img"));
    EXPECT_FALSE(source().has("mm-1.img"));
    EXPECT_FALSE(source().find("mm-1.img"));
    EXPECT_FALSE(criu::ImageDirectory::open(dir.path("mm-1.img")));
    EXPECT_FALSE(criu::ImageDirectory::open(dir.path("core-1.img"))) << "it is no directory";
}

TEST_F(ImageDirectory, has_a_bound) {
    std::filesystem::resize_file(dir.path("core-1.img"), criu::max_image + 1);
    EXPECT_EQ(source().read("core-1.img").error().code, Errc::unavailable);
    EXPECT_EQ(source().read_head("core-1.img", 4).value_or("?"), "0123");
    EXPECT_EQ(source().size("core-1.img"), criu::max_image + 1);
}

TEST_F(ImageDirectory, does_not_wait_for_a_pipe) {
    ASSERT_EQ(::mkfifo(dir.path("pages-1.img").c_str(), 0600), 0);
    EXPECT_EQ(source().read("pages-1.img").error().code, Errc::invalid);
    EXPECT_TRUE(S_ISFIFO(source().find("pages-1.img")->mode));
}

TEST_F(ImageDirectory, tells_links_from_what_they_lead_to) {
    std::filesystem::create_symlink("core-1.img", dir.path("core-2.img"));
    std::filesystem::create_symlink("gone", dir.path("core-3.img"));
    EXPECT_TRUE(S_ISLNK(source().find("core-2.img")->mode));
    EXPECT_EQ(source().find("core-2.img")->link, "core-1.img");
    EXPECT_EQ(source().size("core-2.img"), 10U);
    EXPECT_EQ(source().find("core-3.img")->link, "gone");
    EXPECT_FALSE(source().size("core-3.img"));
    EXPECT_EQ(source().find("core-1.img")->link, "");
}

TEST_F(ImageDirectory, lists_names_and_itself) {
    dir.write("pstree.img", "x");
    std::set<std::string> names;
    EXPECT_TRUE(source().each_name([&](const std::string& name) { return names.insert(name).second; }));
    EXPECT_EQ(names, (std::set<std::string>{"core-1.img", "pstree.img"}));
    int calls = 0;
    EXPECT_TRUE(source().each_name([&](const std::string&) { return ++calls < 1; }));
    EXPECT_EQ(calls, 1);
    ASSERT_EQ(::chmod(dir.path().c_str(), 0751), 0);
    const auto own = source().find(".");
    ASSERT_TRUE(own);
    EXPECT_TRUE(S_ISDIR(own->mode));
    EXPECT_EQ(own->mode & 0777U, 0751U);
}
