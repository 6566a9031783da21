// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Layers of a root file system, as an overlay has them: what an archive loses.
#include <fcntl.h>

#include "../support.hpp"
#include "base/fd.hpp"
#include "checks.hpp"

using namespace lpm;

namespace {

class RootfsChecks : public Checks {
  protected:
    RootfsChecks() {
        facts.bundle->node_paths = true;
        facts.container.mounts.front().overlay = "rw,lowerdir=" + dir.path("home/top") +
                                                 ":l/bottom,upperdir=" + dir.path("home/own/diff") +
                                                 ",workdir=/w";
        for (const char* layer : {"home/top", "home/l/bottom", "home/own/diff"})
            std::filesystem::create_directories(dir.path(layer));
    }
    // A file of the image that the container has changed.
    void change(const std::string& path, const std::string& layer = "l/bottom") const {
        dir.write("home/" + layer + "/" + path, "old");
        dir.write("home/own/diff/" + path, "new");
    }
    std::string lost() {
        const auto node = LocalFiles::of_process(0).value();
        facts.container.lost =
            facts.bundle ? inspect::find_lost_files(*facts.bundle, facts.container.mounts, node, deadline)
                         : std::nullopt;
        const std::string found = verdict("RootfsDiffLost");
        for (const auto& finding : outcome.findings)
            if (finding.check == "RootfsDiffLost")
                message = finding.message;
        return found;
    }
    const TempDir dir;
    std::string message;
};

} // namespace

TEST_F(RootfsChecks, name_changed_files_that_the_node_has_not) {
    dir.write("home/own/diff/new-of-the-container", "new");
    dir.write("home/own/diff/new/folder/file", "new");
    change("etc/passwd");
    EXPECT_EQ(lost(), "pass") << message;
    change("only-in-image");
    change("srv/lpm-test/a b", "top");
    EXPECT_EQ(lost(), "warn");
    EXPECT_TRUE(message.ends_with("without them: /only-in-image, /srv/lpm-test/a b")) << message;
    change("etc", "top"); // a folder of the node is as little a file as none
    facts.bundle->node_paths = false;
    EXPECT_EQ(lost(), "pass") << "containerd asks the layers";
}

TEST_F(RootfsChecks, count_what_they_do_not_name) {
    for (int i = 0; i < 8; ++i)
        change("lpm-test-" + std::to_string(i));
    EXPECT_EQ(lost(), "warn");
    EXPECT_TRUE(message.ends_with(" and 3 more")) << message;
}

TEST_F(RootfsChecks, take_what_the_image_has_deleted_for_new) {
    change("lpm-deleted/file");
    change("lpm-gone");
    change("lpm-folder");
    std::filesystem::remove(dir.path("home/own/diff/lpm-folder"));
    dir.write("home/own/diff/lpm-folder/file", "new");
    dir.write("home/top/lpm-deleted", "a file where the layer below has a folder");
    dir.write("home/top/lpm-gone/file", "a folder where the layer below has a file");
    EXPECT_EQ(lost(), "pass") << message;
}

TEST_F(RootfsChecks, follow_no_link_of_the_container) {
    change("lpm-real/file");
    std::filesystem::rename(dir.path("home/own/diff/lpm-real"), dir.path("elsewhere"));
    std::filesystem::create_directory_symlink(dir.path("elsewhere"), dir.path("home/own/diff/lpm-real"));
    EXPECT_EQ(lost(), "pass") << message;
}

TEST_F(RootfsChecks, end_after_so_many_files) {
    for (int i = 0; i <= 1000; ++i)
        ASSERT_GE(Fd(::creat(dir.path("home/own/diff/lpm-" + std::to_string(i)).c_str(), 0600)).get(), 0);
    EXPECT_EQ(lost(), "unknown") << message;
    facts.container.mounts.front().overlay =
        "rw,lowerdir=own/diff,upperdir=" + dir.path("home/own/diff"); // has all
    EXPECT_EQ(lost(), "warn");
    EXPECT_NE(message.find("; the changes"), std::string::npos) << message;
    for (int i = 0; i < 10; ++i)
        std::filesystem::remove(dir.path("home/own/diff/lpm-" + std::to_string(i)));
    EXPECT_EQ(lost(), "warn");
    EXPECT_EQ(message.find("too many"), std::string::npos) << message;
}

TEST_F(RootfsChecks, do_not_know_what_they_cannot_read) {
    std::filesystem::remove_all(dir.path("home/l"));
    EXPECT_EQ(lost(), "unknown");
    facts.container.mounts.front().overlay = "rw";
    EXPECT_EQ(lost(), "pass") << "no upper layer: nothing can be changed";
    facts.container.mounts.clear();
    EXPECT_EQ(lost(), "unknown");
    facts.bundle.reset();
    EXPECT_EQ(lost(), "unknown");
}
