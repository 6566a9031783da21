// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/local_files.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>

#include "../support.hpp"
#include "base/file.hpp"

using namespace lpm;

namespace {

// Of /nfs it is only said that it is a mount that may not answer.
class LocalFilesTest : public testing::Test {
  protected:
    LocalFilesTest() {
        dir.write("plain/file", "four");
        dir.write("nfs/file", "x");
        link("plain/to-nfs", "/nfs/file");
        link("plain/to-file", "file");
        link("plain/up", "../../../plain/to-file");
        link("plain/round", "round");
        link("nfs-below", "nfs");
    }
    void link(const std::string& name, const std::string& target) const {
        std::filesystem::create_symlink(target, dir.path(name));
    }
    [[nodiscard]] LocalFiles files(bool with_nfs = true) const {
        std::vector<procfs::Mount> mounts{{.id = 1, .parent = 0, .root = "/", .point = "/", .type = "fuse"}};
        if (with_nfs)
            mounts.push_back({.id = 2, .parent = 1, .root = "/", .point = "/nfs", .type = "nfs4"});
        return {open_at(AT_FDCWD, dir.path(), O_PATH | O_DIRECTORY).value(), std::move(mounts)};
    }
    const TempDir dir;
};

} // namespace

TEST_F(LocalFilesTest, finds_what_is_here_over_links) {
    for (const bool with_nfs : {true, false})
        for (const char* path : {"/plain/file", "/plain//to-file", "/plain/up", "/plain/../plain/./file"}) {
            const auto st = files(with_nfs).stat(path);
            ASSERT_TRUE(st) << path << ": " << st.error().text;
            EXPECT_EQ(st->stx_size, 4U) << path;
        }
    EXPECT_TRUE(files().open("/"));
}

TEST_F(LocalFilesTest, says_what_is_not_here) {
    for (const bool with_nfs : {true, false}) {
        EXPECT_EQ(files(with_nfs).open("/plain/none").error().sys, ENOENT);
        EXPECT_EQ(files(with_nfs).open("/plain/file/below").error().sys, ENOTDIR);
        EXPECT_EQ(files(with_nfs).open("/plain/round").error().sys, ELOOP);
    }
}

TEST_F(LocalFilesTest, does_not_touch_what_may_not_answer) {
    for (const char* path :
         {"/nfs", "/nfs/file", "/nfs/none", "/plain/to-nfs", "/nfs-below/file", "/plain/../nfs"}) {
        EXPECT_EQ(files().open(path).error().code, Errc::unavailable) << path;
        EXPECT_EQ(files().stat(path).error().code, Errc::unavailable) << path;
    }
    EXPECT_TRUE(files(false).stat("/plain/to-nfs"))
        << "a file system of the root's is not waited for more than that";
}

TEST_F(LocalFilesTest, knows_this_node) {
    const auto node = LocalFiles::of_process(0);
    ASSERT_TRUE(node) << node.error().text;
    EXPECT_TRUE(node->is_local("/etc/passwd"));
    EXPECT_TRUE(node->stat("/proc/version"));
    EXPECT_TRUE(LocalFiles::of_process(::getpid()));
}
