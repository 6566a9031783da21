// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/file.hpp"

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>

#include "../support.hpp"

using namespace lpm;

TEST(File, reads_up_to_its_limit) {
    const TempDir dir;
    dir.write("f", "12345");
    EXPECT_EQ(read_file(AT_FDCWD, dir.path("f"), 5).value(), "12345");
    const auto longer = read_file(AT_FDCWD, dir.path("f"), 4);
    ASSERT_FALSE(longer);
    EXPECT_EQ(longer.error().code, Errc::unavailable);
    EXPECT_EQ(read_head(AT_FDCWD, dir.path("f"), 4).value(), "1234");
    EXPECT_EQ(read_head(AT_FDCWD, dir.path("f"), 9).value(), "12345");
    EXPECT_EQ(read_file(AT_FDCWD, dir.path("none"), 4).error().code, Errc::absent);
}

TEST(File, waits_for_no_fifo) {
    const TempDir dir;
    ASSERT_EQ(::mkfifo(dir.path("fifo").c_str(), 0600), 0);
    EXPECT_EQ(read_file(AT_FDCWD, dir.path("fifo"), 10).error().code, Errc::invalid);
    EXPECT_EQ(read_file(AT_FDCWD, dir.path(), 10).error().code, Errc::invalid);
}

TEST(File, reads_files_that_say_they_are_empty) {
    EXPECT_FALSE(read_file(AT_FDCWD, "/proc/self/status", 1 << 20).value().empty());
}

TEST(File, makes_directories_but_follows_no_link) {
    const TempDir dir;
    const Fd fd(::open(dir.path().c_str(), O_DIRECTORY | O_RDONLY));
    EXPECT_TRUE(make_dirs(fd.get(), "a/b/c"));
    EXPECT_TRUE(make_dirs(fd.get(), "a/b/c"));
    std::filesystem::create_directory_symlink("/tmp", dir.path("link"));
    EXPECT_FALSE(make_dirs(fd.get(), "link/x"));
}

TEST(File, keeps_both_ends_of_a_long_file) {
    const TempDir dir;
    dir.write("log", std::string(1000, 'a') + std::string(1000, 'b'));
    const Fd fd(::open(dir.path().c_str(), O_DIRECTORY | O_RDONLY));
    const Fd log(::open(dir.path("log").c_str(), O_RDONLY));
    EXPECT_EQ(copy_bounded(log.get(), fd.get(), "copy", 400).value(), 2000U);
    EXPECT_EQ(read_file(fd.get(), "copy", 4096).value(),
              std::string(100, 'a') + "\n[lpm: 1600 bytes left out]\n" + std::string(300, 'b'));
    EXPECT_FALSE(copy_bounded(log.get(), fd.get(), "copy", 400)) << "an existing file stays as it is";
}

TEST(File, knows_a_replaced_file) {
    const TempDir dir;
    dir.write("criu", "old");
    const auto key = file_key(dir.path("criu"));
    EXPECT_FALSE(key.empty());
    dir.write("new", "new");
    std::filesystem::rename(dir.path("new"), dir.path("criu"));
    EXPECT_NE(file_key(dir.path("criu")), key);
    EXPECT_EQ(file_key(dir.path("none")), "");
}
