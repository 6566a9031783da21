// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What the walk makes of something that it cannot read; all else of it is for the e2e tests.
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support.hpp"
#include "base/fd.hpp"
#include "inspect/container.hpp"
#include "inspect/container_walk.hpp"

using namespace lpm;
using inspect::Gap;
using inspect::Item;

namespace {

// This process is the container.
class WalkTest : public testing::Test {
  protected:
    WalkTest() {
        dir.write("cgroup.procs", std::to_string(::getpid()) + "\n");
        container.state.emplace().init = ::getpid();
        container.state->freezer = dir.path();
        container.alive = true;
        container.mounts = procfs::read_mountinfo(0).value();
    }
    [[nodiscard]] inspect::Workload walk() {
        const auto found = inspect::inspect_workload(
            container,
            {.caller = caller, .ghost_limit = 1U << 20U, .deadline = Deadline(std::chrono::seconds(10))});
        EXPECT_TRUE(found);
        return *found;
    }
    const TempDir dir; // its cgroup
    const TempDir files;
    inspect::Caller caller = inspect::Caller::self();
    inspect::ContainerFacts container;
};

// A file whose name is longer than the kernel tells.
Fd open_deep(const std::string& top) {
    Fd at(::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::string name(250, 'd');
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(::mkdirat(at.get(), name.c_str(), 0700), 0);
        at = Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    return at;
}

} // namespace

TEST_F(WalkTest, leaves_nothing_out_of_what_can_be_read) {
    const auto found = walk();
    EXPECT_FALSE(found.gap) << found.gap->error;
    EXPECT_FALSE(found.sockets_gap);
    EXPECT_TRUE(found.memory);
}

TEST_F(WalkTest, says_which_descriptor_cannot_be_read) {
    const Fd deep = open_deep(files.path());
    const auto found = walk();
    ASSERT_TRUE(found.gap);
    EXPECT_EQ(found.gap->why, Gap::Why::error);
    EXPECT_TRUE(found.gap->error.contains("descriptor " + std::to_string(deep.get()))) << found.gap->error;
    EXPECT_FALSE(found.memory) << "a part of it is no sum";
}

TEST_F(WalkTest, does_not_take_an_end_for_foreign_that_it_may_have_missed) {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    const Fd one(pair[0]);
    Fd other(pair[1]);
    const pid_t outside = ::fork();
    if (outside == 0) {
        ::pause();
        ::_exit(0);
    }
    other = Fd();
    EXPECT_EQ(walk()[Item::unix_foreign].count, 1U);
    const Fd deep = open_deep(files.path());
    EXPECT_EQ(walk()[Item::unix_foreign].count, 0U);
    ::kill(outside, SIGKILL);
    ::waitpid(outside, nullptr, 0);
}

TEST_F(WalkTest, knows_that_the_caller_cannot_be_compared) {
    caller.network_namespace = 0;
    EXPECT_TRUE(walk().gap);
}

TEST(Unread, is_a_gap_unless_it_has_gone) {
    std::optional<Gap> gap;
    for (const int gone : {ENOENT, ESRCH})
        inspect::note_unread(gap, fail_errno(gone, "read").error());
    EXPECT_FALSE(gap);
    inspect::note_unread(gap, fail_errno(EACCES, "read /proc/1/maps").error());
    ASSERT_TRUE(gap);
    inspect::note_unread(gap, fail_errno(EIO, "another").error());
    EXPECT_TRUE(gap->error.starts_with("read /proc/1/maps")) << "the first";
}
