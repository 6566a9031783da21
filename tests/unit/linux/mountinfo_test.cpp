// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/mountinfo.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

using namespace lpm;

static std::string holder(const std::vector<procfs::Mount>& mounts, std::string_view path) {
    const auto* mount = procfs::mount_of(mounts, path);
    return mount == nullptr ? "none" : mount->source;
}

TEST(Mountinfo, reads_every_field) {
    const auto mounts = procfs::parse_mountinfo("21 26 0:20 / /proc rw,relatime - proc proc rw\n"
                                                "36 35 98:300 /mnt\\0401 /a\\011b\\012c\\134d\\043e "
                                                "rw,noatime master:1 shared:22 propagate_from:2 unbindable - "
                                                "fuse.sshfs user@host:/x\\040y rw,errors=continue");
    ASSERT_EQ(mounts.size(), 2U);
    EXPECT_EQ(mounts[0].id, 21);
    EXPECT_EQ(mounts[0].parent, 26);
    EXPECT_EQ(mounts[0].device, makedev(0, 20));
    EXPECT_EQ(mounts[0].shared, 0);
    EXPECT_EQ(mounts[1].device, makedev(98, 300));
    EXPECT_EQ(mounts[1].root, "/mnt 1");
    EXPECT_EQ(mounts[1].point, "/a\tb\nc\\d#e");
    EXPECT_EQ(mounts[1].shared, 22);
    EXPECT_EQ(mounts[1].master, 1);
    EXPECT_EQ(mounts[1].type, "fuse.sshfs");
    EXPECT_EQ(mounts[1].source, "user@host:/x y");
}

TEST(Mountinfo, reads_an_empty_source_and_odd_roots) {
    // mount("", ..., "tmpfs", ...) leaves two spaces in a row.
    const auto mounts = procfs::parse_mountinfo("2 1 0:9 / /t rw - tmpfs  rw,size=4k\n"
                                                "3 1 0:4 net:[4026531840] /run/netns/x rw - nsfs nsfs rw\n"
                                                "4 1 8:1 /gone//deleted /g rw - ext4 a\\9b\\777\\04 rw\n");
    ASSERT_EQ(mounts.size(), 3U);
    EXPECT_EQ(mounts[0].source, "");
    EXPECT_EQ(mounts[1].root, "net:[4026531840]");
    EXPECT_EQ(mounts[2].root, "/gone//deleted");
    EXPECT_EQ(mounts[2].source, "a\\9b\\777\\04"); // not what the kernel writes, so left as it is
}

TEST(Mountinfo, knows_the_layers_of_an_overlay) {
    const auto mounts = procfs::parse_mountinfo(
        "1 0 0:55 / / rw - overlay overlay rw,lowerdir=/a\\040b:l/X::/data,upperdir=/s/u\\054d/diff,"
        "workdir=/w\n"
        "2 1 0:56 / /n rw - overlay none rw,lowerdir+=/one,lowerdir+=/two,upperdir=/u,workdir=/w,uuid=on\n"
        "3 1 0:57 / /r ro - overlay overlay ro,lowerdir=/one\n"
        "4 1 0:58 / /t rw - tmpfs tmpfs rw,upperdir=/x\n");
    ASSERT_EQ(mounts.size(), 4U);
    const auto first = procfs::layers_of(mounts[0]);
    EXPECT_EQ(first.upper, "/s/u,d/diff");
    EXPECT_EQ(first.lowers, (std::vector<std::string>{"/a b", "l/X", "/data"}));
    EXPECT_EQ(procfs::layers_of(mounts[1]).lowers, (std::vector<std::string>{"/one", "/two"}));
    EXPECT_EQ(procfs::layers_of(mounts[1]).upper, "/u");
    EXPECT_EQ(procfs::layers_of(mounts[2]).upper, "");
    EXPECT_EQ(procfs::layers_of(mounts[3]).upper, "");
}

TEST(Mountinfo, leaves_out_lines_that_are_broken) {
    for (const char* line :
         {"", "junk", "1", "x 0 8:1 / / rw - ext4 a rw", "1 x 8:1 / / rw - ext4 a rw",
          "1 0 8 / / rw - ext4 a rw", "1 0 8: / / rw - ext4 a rw", "1 0 8:x / / rw - ext4 a rw",
          "1 0 8:99999999999 / / rw - ext4 a rw", "99999999999 0 8:1 / / rw - ext4 a rw", "1 0 8:1 / / rw",
          "1 0 8:1 / / rw shared:1", "1 0 8:1 / / rw -", "1 0 8:1 / / rw shared:1 -",
          "1 0 8:1  / rw - ext4 a rw", "1 0 8:1 /  rw - ext4 a rw", " 1 0 8:1 / / rw - ext4 a rw"}) {
        EXPECT_TRUE(procfs::parse_mountinfo(line).empty()) << line;
        const auto mounts =
            procfs::parse_mountinfo(std::string(line) + "\n7 0 8:1 / / rw - ext4 a rw\n" + line);
        ASSERT_EQ(mounts.size(), 1U) << line;
        EXPECT_EQ(mounts[0].id, 7) << line;
    }
    const std::string point(std::size_t{1} << 20, 'x');
    const auto mounts =
        procfs::parse_mountinfo("1 0 8:1 / /" + point + " rw shared:99999999999 master:x - ext4 a rw\n");
    ASSERT_EQ(mounts.size(), 1U);
    EXPECT_EQ(mounts[0].point.size(), point.size() + 1);
    EXPECT_EQ(mounts[0].shared, 0);
    EXPECT_EQ(mounts[0].master, 0);
}

TEST(Mountinfo, finds_the_mount_that_holds_a_path) {
    const auto mounts = procfs::parse_mountinfo(
        "1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /var/lib rw shared:1 - xfs b rw\n"
        "3 2 0:9 / /var/lib/kubelet rw - nfs4 c rw\n4 1 8:3 / /var/libx rw - tmpfs d rw\n");
    EXPECT_EQ(holder(mounts, "/var/lib/kubelet"), "c");
    EXPECT_EQ(holder(mounts, "/var/lib/kubelet/pods"), "c");
    EXPECT_EQ(holder(mounts, "/var/lib/kubelets"), "b");
    EXPECT_EQ(holder(mounts, "/var/lib/other"), "b");
    EXPECT_EQ(holder(mounts, "/var/libx/y"), "d");
    EXPECT_EQ(holder(mounts, "/home"), "a");
    EXPECT_EQ(holder(mounts, "/"), "a");
    EXPECT_EQ(holder(mounts, "home"), "none");
    EXPECT_EQ(holder(mounts, ""), "none");
    EXPECT_EQ(holder({}, "/"), "none");
}

TEST(Mountinfo, finds_the_mount_on_top) {
    // The order says nothing: ids are used again, and newer kernels sort by another number.
    const auto mounts = procfs::parse_mountinfo("28 25 0:4 / /dev/pts rw - devpts upper rw\n"
                                                "1 1 0:1 / / rw - rootfs first rw\n"
                                                "26 1 8:1 / / rw - ext4 root rw\n"
                                                "25 26 0:3 / /dev/pts rw - devpts lower rw\n"
                                                "30 26 0:5 / /var rw - tmpfs cover rw\n"
                                                "31 32 0:6 / /var/lib/x rw - nfs hidden rw\n"
                                                "32 26 0:6 / /var/lib rw - nfs hiddentoo rw\n");
    EXPECT_EQ(holder(mounts, "/dev/pts/0"), "upper");
    EXPECT_EQ(holder(mounts, "/etc"), "root");
    EXPECT_EQ(holder(mounts, "/var/lib/x/y"), "cover");
    EXPECT_EQ(holder(mounts, "/var/lib"), "cover");
}

TEST(Mountinfo, finds_mounts_whose_parent_is_out_of_sight) {
    // As a process sees it whose root is a plain directory.
    const auto mounts =
        procfs::parse_mountinfo("5 9 0:2 / /proc rw - proc p rw\n6 5 0:3 / /proc/sys rw - proc s rw\n");
    EXPECT_EQ(holder(mounts, "/proc/sys/kernel"), "s");
    EXPECT_EQ(holder(mounts, "/proc/1"), "p");
    EXPECT_EQ(holder(mounts, "/etc"), "none");
}

TEST(Mountinfo, ends_on_mounts_in_a_ring) {
    EXPECT_EQ(
        holder(procfs::parse_mountinfo("1 2 8:1 / / rw - ext4 a rw\n2 1 8:1 / / rw - ext4 b rw\n"), "/x"),
        "none");
    const auto ring = procfs::parse_mountinfo("1 0 8:1 / / rw - ext4 a rw\n2 1 8:1 / /x rw - ext4 b rw\n"
                                              "1 2 8:1 / /x rw - ext4 c rw\n");
    ASSERT_NE(procfs::mount_of(ring, "/x"), nullptr);
    EXPECT_EQ(procfs::mount_of(ring, "/x")->point, "/x");
}

TEST(Mountinfo, agrees_with_the_kernel_on_its_own_mounts) {
    const auto mounts = procfs::read_mountinfo(0).value();
    const auto* mount = procfs::mount_of(mounts, "/proc/self");
    ASSERT_NE(mount, nullptr);
    EXPECT_EQ(mount->type, "proc");
    struct stat st{};
    ASSERT_EQ(::stat("/proc", &st), 0);
    EXPECT_EQ(mount->device, st.st_dev);
    EXPECT_EQ(procfs::read_mountinfo(::getpid()).value().size(), mounts.size());
    EXPECT_EQ(procfs::read_mountinfo(0x7fffffff).error().code, Errc::absent);
}
