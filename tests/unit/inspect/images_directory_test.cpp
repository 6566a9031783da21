// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>

#include <sys/stat.h>
#include <unistd.h>

#include "../check/checks.hpp"
#include "../support.hpp"
#include "inspect/images_parts.hpp"

using namespace lpm;

namespace {

using Names = std::vector<std::string>;

class ImageFiles : public Checks {
  protected:
    void look() {
        const auto images = criu::ImageDirectory::open(dir.path());
        target = {};
        inspect::inspect_image_files(*images, deadline, target);
    }
    TempDir dir;
    inspect::ImageFacts target;
};

} // namespace

TEST_F(ImageFiles, that_are_files) {
    dir.write("core-1.img", "x");
    dir.write("dump.log", "x");
    std::filesystem::create_symlink("core-1.img", dir.path("core-2.img"));
    std::filesystem::create_symlink("/nowhere", dir.path("parent"));
    std::filesystem::create_symlink("gone.img", dir.path("core-3.img"));
    look();
    EXPECT_EQ(texts_of(target.foreign_images), Names{});
    EXPECT_EQ(texts_of(target.writable_images), Names{});
}

TEST_F(ImageFiles, that_are_none) {
    std::filesystem::create_symlink("/etc/passwd", dir.path("pages-1.img"));
    ::mkfifo(dir.path("fs-1.img").c_str(), 0600);
    std::filesystem::create_directory(dir.path("lpm.json"));
    std::filesystem::create_symlink("..", dir.path("mm-1.img"));
    std::filesystem::create_symlink("/etc/shadow", dir.path("x"));
    std::filesystem::create_symlink("x", dir.path("pages-2.img"));
    look();
    auto foreign = texts_of(target.foreign_images);
    std::ranges::sort(foreign);
    EXPECT_EQ(foreign, (Names{"fs-1.img (a pipe)", "lpm.json (a folder)", "mm-1.img (a link to ..)",
                              "pages-1.img (a link to /etc/passwd)", "pages-2.img (a link to a link)"}));
}

TEST_F(ImageFiles, of_others) {
    dir.write("core-1.img", "x");
    dir.write("notes", "x");
    ASSERT_EQ(::chmod(dir.path("core-1.img").c_str(), 0666), 0);
    ASSERT_EQ(::chmod(dir.path("notes").c_str(), 0666), 0);
    look();
    EXPECT_EQ(texts_of(target.writable_images), Names{"core-1.img (others may write it)"});
    ASSERT_EQ(::chmod(dir.path("core-1.img").c_str(), 0664), 0);
    look();
    EXPECT_EQ(texts_of(target.writable_images), Names{}) << "the group is root's";
    ASSERT_EQ(::chown(dir.path("core-1.img").c_str(), 7, 0), 0);
    look();
    EXPECT_EQ(texts_of(target.writable_images), Names{"core-1.img (of user 7)"});
    ASSERT_EQ(::chmod(dir.path().c_str(), 0777), 0);
    look();
    EXPECT_EQ(texts_of(target.writable_images),
              (Names{"the directory (others may write it)", "core-1.img (of user 7)"}));
}
