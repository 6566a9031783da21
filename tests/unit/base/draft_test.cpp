// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/draft.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "../support.hpp"
#include "base/file.hpp"

using namespace lpm;

TEST(Draft, replaces_whole_with_the_mode_asked_for) {
    const TempDir dir;
    const Fd fd(::open(dir.path().c_str(), O_DIRECTORY | O_RDONLY));
    const mode_t mask = ::umask(0077);
    EXPECT_TRUE(replace_file(fd.get(), "r.json", "one", 0644));
    EXPECT_TRUE(replace_file(fd.get(), "r.json", "two", 0644));
    ::umask(mask);
    EXPECT_EQ(read_file(fd.get(), "r.json", 10).value(), "two");
    struct stat st{};
    ASSERT_EQ(::stat(dir.path("r.json").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777U, 0644U);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1)
        << "no temporary file stays";
}

TEST(Draft, does_not_write_through_a_planted_link) {
    const TempDir dir;
    dir.write("victim", "safe");
    std::filesystem::create_symlink(dir.path("victim"), dir.path(".r.tmp." + std::to_string(::getpid())));
    std::filesystem::create_symlink(dir.path("victim"), dir.path("r"));
    const Fd fd(::open(dir.path().c_str(), O_DIRECTORY | O_RDONLY));
    EXPECT_TRUE(replace_file(fd.get(), "r", "new", 0600));
    EXPECT_EQ(read_file(AT_FDCWD, dir.path("victim"), 10).value(), "safe");
    EXPECT_EQ(read_file(AT_FDCWD, dir.path("r"), 10).value(), "new");
}

static std::ptrdiff_t files_in(const TempDir& dir) {
    return std::distance(std::filesystem::directory_iterator(dir.path()), {});
}

TEST(Draft, leaves_no_blanks_of_what_it_reserved) {
    const TempDir dir;
    const Fd fd(::open(dir.path().c_str(), O_DIRECTORY | O_RDONLY));
    for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{8}, std::size_t{100}}) {
        const std::string text(size, 'x');
        auto draft = Draft::make_ahead(fd.get(), "r", 0600, 8);
        ASSERT_TRUE(draft) << draft.error().text;
        ASSERT_TRUE(draft->publish(text, Sync::all));
        EXPECT_EQ(read_file(fd.get(), "r", 200).value(), text);
    }
    EXPECT_EQ(files_in(dir), 1);
}

TEST(Draft, vanishes_unpublished) {
    const TempDir dir;
    const Fd fd(::open(dir.path().c_str(), O_DIRECTORY | O_RDONLY));
    {
        const auto draft = Draft::make(fd.get(), "r", 0600);
        const auto ahead = Draft::make_ahead(fd.get(), "s", 0600, 8);
        ASSERT_TRUE(draft && ahead);
        EXPECT_EQ(files_in(dir), 1) << "what is made ahead has no name";
    }
    EXPECT_EQ(files_in(dir), 0);
}
