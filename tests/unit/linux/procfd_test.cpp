// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/procfd.hpp"

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.hpp"

using namespace lpm;
using Devices = std::vector<std::uint64_t>;

TEST(Procfd, reads_mount_and_flags) {
    const auto info = procfs::parse_fdinfo("pos:\t0\nflags:\t0100002\nmnt_id:\t96\nino:\t5\n");
    EXPECT_EQ(info.mount, 96);
    EXPECT_EQ(info.flags, 0100002U);
    EXPECT_EQ(info.pid, std::nullopt);
    EXPECT_EQ(procfs::parse_fdinfo("mnt_id:\t4").mount, 4); // the last newline is missing
    for (const char* text : {"", "\n\n", "pos:\t0\n", "mnt_id:\n", "mnt_id:\tx\n", "mnt_id\t4\n",
                             "mnt_id:\t99999999999\n", "flags:\t8\n", "flags:\t777777777777\n"}) {
        EXPECT_EQ(procfs::parse_fdinfo(text).mount, std::nullopt) << text;
        EXPECT_EQ(procfs::parse_fdinfo(text).flags, 0U) << text;
    }
}

TEST(Procfd, reads_which_terminal_a_master_has) {
    EXPECT_EQ(procfs::parse_fdinfo("flags:\t02\ntty-index:\t12\n").terminal, 12U);
    EXPECT_EQ(procfs::parse_fdinfo("tty-index:\t-1\n").terminal, std::nullopt);
    EXPECT_EQ(procfs::parse_fdinfo("flags:\t02\n").terminal, std::nullopt);
}

TEST(Procfd, reads_which_interface_a_tun_device_has) {
    EXPECT_EQ(procfs::parse_fdinfo("flags:\t02\niff:\ttun0\n").interface, "tun0");
    EXPECT_EQ(procfs::parse_fdinfo("flags:\t02\niff:\t\n").interface, "");
}

TEST(Procfd, reads_whom_a_pidfd_means) {
    EXPECT_EQ(procfs::parse_fdinfo("flags:\t02000002\nmnt_id:\t4\nPid:\t32685\nNSpid:\t32685\n").pid, 32685);
    EXPECT_EQ(procfs::parse_fdinfo("Pid:\t-1\nNSpid:\t-1\n").pid, -1);
    EXPECT_EQ(procfs::parse_fdinfo("Pid:\t0\n").pid, 0);
    EXPECT_EQ(procfs::parse_fdinfo("Pid:\t99999999999\n").pid, std::nullopt);
}

TEST(Procfd, reads_what_is_watched) {
    const auto of = [](std::string_view text) { return procfs::parse_fdinfo(text).watched; };
    EXPECT_EQ(
        of("inotify wd:4 ino:1 sdev:6 mask:100 ignored_mask:0 fhandle-bytes:c fhandle-type:1 f_handle:d5e8\n"
           "inotify wd:3 ino:3c51a sdev:fe00000 mask:100 ignored_mask:0\n"),
        (Devices{makedev(0, 6), makedev(0xfe, 0)}));
    EXPECT_EQ(
        of("fanotify flags:0 event-flags:8000\nfanotify sdev:10301002 mflags:0 mask:20 ignored_mask:0\n"
           "fanotify mnt_id:1a mflags:0 mask:20 ignored_mask:0\nfanotify ino:35d sdev:1d mflags:0 mask:20\n"),
        (Devices{makedev(0x103, 0x1002), makedev(0, 0x1d)}));
    EXPECT_EQ(of("inotify wd:1 sdev:fffffffe"), (Devices{makedev(0xfff, 0xffffe)}));
    EXPECT_EQ(of("inotify wd:1 sdev:100000000\ninotify sdev:\ninotify sdev:-1\ninotify\n"),
              Devices{}); // no device
    EXPECT_EQ(of("tfd:        7 events:       19 data:                7  pos:0 ino:2053c4 sdev:f\n"),
              Devices{});
}

TEST(Procfd, reads_what_an_epoll_descriptor_watches) {
    const auto of = [](std::string_view text) { return procfs::parse_fdinfo(text).targets; };
    EXPECT_EQ(of("pos:\t0\nflags:\t02\n"
                 "tfd:        7 events:       19 data:                7  pos:0 ino:2053c4 sdev:f\n"
                 "tfd:       12 events:        1 data:                0  pos:0 ino:2053c5 sdev:f\n"),
              (std::vector<int>{7, 12}));
    EXPECT_EQ(of("tfd:\ntfd: x\ntfd: 99999999999\n"), std::vector<int>{});
    std::string text;
    for (int i = 0; i < 5000; ++i)
        text += "tfd: 1 events: 1\n";
    EXPECT_EQ(of(text).size(), 4096U);
}

TEST(Procfd, keeps_a_bounded_number_of_watches) {
    std::string text;
    for (int i = 0; i < 5000; ++i)
        text += "inotify wd:1 ino:1 sdev:6 mask:100\n";
    text += "Pid:\t7\n";
    const auto info = procfs::parse_fdinfo(text);
    EXPECT_EQ(info.watched.size(), 4096U);
    EXPECT_EQ(info.pid, 7);
}

TEST(Procfd, agrees_with_the_kernel_on_a_watch) {
    const Fd fd(::inotify_init1(IN_CLOEXEC));
    for (const char* path : {"/", "/proc"}) {
        const int watch = ::inotify_add_watch(fd.get(), path, IN_ATTRIB);
        ASSERT_GE(watch, 0);
        struct stat st{};
        ASSERT_EQ(::stat(path, &st), 0);
        EXPECT_EQ(procfs::read_fdinfo(0, fd.get()).value().watched, Devices{st.st_dev}) << path;
        ASSERT_EQ(::inotify_rm_watch(fd.get(), watch), 0);
    }
}

TEST(Procfd, agrees_with_the_kernel_on_flags_and_pids) {
    const Fd null(::open("/dev/null", O_WRONLY | O_APPEND | O_CLOEXEC));
    const auto info = procfs::read_fdinfo(::getpid(), null.get()).value();
    EXPECT_EQ(info.flags & (O_ACCMODE | O_APPEND | O_CLOEXEC), unsigned{O_WRONLY | O_APPEND | O_CLOEXEC});
    EXPECT_TRUE(info.mount);
    EXPECT_EQ(info.pid, std::nullopt);
    const pid_t child = ::fork();
    if (child == 0)
        for (;;)
            ::pause();
    const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    EXPECT_EQ(procfs::read_fdinfo(0, pidfd.get()).value().pid, child);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_EQ(procfs::read_fdinfo(0, pidfd.get()).value().pid, -1);
    EXPECT_EQ(procfs::read_fdinfo(0, 1'000'000).error().code, Errc::absent);
    EXPECT_EQ(procfs::read_fd_link(0, null.get()).value(), "/dev/null");
    EXPECT_EQ(procfs::read_fd_link(0, 1'000'000).error().code, Errc::absent);
}

TEST(Procfd, reads_the_inode_of_a_link) {
    EXPECT_EQ(procfs::inode_of_link("socket:[1234]", "socket"), 1234U);
    EXPECT_EQ(procfs::inode_of_link("net:[4026531840]", "net"), 4026531840U);
    EXPECT_EQ(procfs::inode_of_link("pipe:[18446744073709551615]", "pipe"), UINT64_MAX);
    for (const char* link : {"", "pipe:[1234]", "socket", "socket:", "socket:[", "socket:]", "socket:[]",
                             "socket:[1", "socket:[1] ", "socket:[x]", "socket:[-1]", "socket:[1](deleted)",
                             "/socket:[1]", "sockets:[1]", "socket:[99999999999999999999]"})
        EXPECT_EQ(procfs::inode_of_link(link, "socket"), std::nullopt) << link;
    const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct stat st{};
    ASSERT_EQ(::fstat(fd.get(), &st), 0);
    EXPECT_EQ(procfs::inode_of_link(procfs::read_fd_link(0, fd.get()).value(), "socket"), st.st_ino);
}
