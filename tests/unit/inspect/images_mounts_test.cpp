// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <sys/mount.h>

#include "../check/checks.hpp"
#include "../support.hpp"
#include "check/texts.hpp"
#include "inspect/images_parts.hpp"

using namespace lpm;

namespace {

using Names = std::vector<std::string>;

class Mounts : public Checks {
  protected:
    Mounts() {
        facts.bundle->root = "rootfs";
        facts.bundle->masked = {"/proc/keys"};
        facts.bundle->devices = {"/dev/fuse"};
        facts.bundle->mounts = {{"/proc", "", false},
                                {"/dev", "", false},
                                {"/var/run//data/", dir.path("volume"), true},
                                {"/sys/fs/cgroup", "", false, "cgroup"}};
        dir.write("rootfs/run/.keep", "");
        dir.write("rootfs/var/x", "");
        dir.write("rootfs/etc/file", "");
        std::filesystem::create_symlink("/run", dir.path("rootfs/var/run"));
        std::filesystem::create_symlink("/nowhere", dir.path("rootfs/dangling"));
        dir.write("volume/inner/x", "");
        dir.write("file", "");
    }
    void mount(const std::string& place, const std::string& source) {
        facts.bundle->mounts.push_back({place, dir.path(source), true});
    }
    // The images have mounts with these keys.
    void compare(const Names& keys) {
        inspect::MountLists lists(1);
        for (const auto& key : keys)
            lists[0].push_back({"/at" + key, key, true});
        compare_all(lists);
    }
    void compare_all(const inspect::MountLists& lists) {
        target = {};
        const auto tree = inspect::Tree::open(*facts.bundle, dir.path());
        ASSERT_TRUE(tree);
        inspect::compare_mounts(lists, *facts.bundle, *tree, deadline, target);
    }
    TempDir dir;
    inspect::ImageFacts target;
};

} // namespace

TEST_F(Mounts, that_the_runtime_hands_over) {
    compare({"", "/run/data", "/proc/keys", "/dev/null", "/dev/fuse", "/sys/fs/cgroup/cpu", "CRIU:WORD"});
    EXPECT_EQ(target.missing_mounts, Names{});
    EXPECT_EQ(texts_of(target.missing_sources), Names{});
    EXPECT_EQ(texts_of(target.unlike_sources), Names{});
    compare({"/var/run//data/"});
    EXPECT_EQ(target.missing_mounts, Names{}) << "crun takes the name as it stands";
    compare({"/run/database", "/dev/kvm", "/sys/fs/cgroups"});
    EXPECT_EQ(target.missing_mounts, (Names{"/at/run/database", "/at/dev/kvm", "/at/sys/fs/cgroups"}));
}

TEST_F(Mounts, that_mask_a_folder) {
    facts.bundle->masked = {"/proc/acpi"};
    inspect::MountLists lists(1);
    lists[0].push_back({"/proc/acpi", "/of/the/runtime", true});
    lists[0].push_back({"/elsewhere", "/of/the/runtime", true});
    compare_all(lists);
    EXPECT_EQ(target.missing_mounts, Names{"/elsewhere"});
}

TEST_F(Mounts, whose_source_had_been_deleted) {
    inspect::MountLists lists(1);
    lists[0].push_back({"/own", "", false, true});
    lists[0].push_back({"/run/data", "/run/data", true, true});
    lists[0].push_back({"/proc/keys", "/proc/keys", true});
    compare_all(lists);
    EXPECT_EQ(target.deleted_mounts, Names{"/run/data"});
}

TEST_F(Mounts, that_the_images_have_not) {
    inspect::MountLists lists(1);
    for (const char* place : {"/", "/proc", "/dev", "/run/data", "/sys/fs/cgroup"})
        lists[0].push_back({place});
    compare_all(lists);
    EXPECT_EQ(target.new_mounts, Names{});
    mount("/var/run/more", "volume");
    compare_all(lists);
    EXPECT_EQ(target.new_mounts, Names{"/run/more"});
    mount("/dangling/data", "volume");
    compare_all(lists);
    EXPECT_FALSE(target.new_mounts) << "any of them may be there";
}

TEST_F(Mounts, whose_place_cannot_be_told) {
    mount("/dangling/data", "volume");
    compare({"/elsewhere"});
    EXPECT_FALSE(target.missing_mounts);
    facts.bundle->mounts.back().place = "/new/../fresh/./place";
    compare({"/fresh/place"});
    EXPECT_EQ(target.missing_mounts, Names{});
}

TEST_F(Mounts, without_their_source) {
    mount("/etc/new", "gone");
    compare({});
    EXPECT_EQ(texts_of(target.missing_sources), Names{"/etc/new (source " + dir.path("gone") + ")"});
    facts.bundle->mounts.back().place = "/dev/log";
    compare({});
    EXPECT_EQ(texts_of(target.missing_sources), Names{}) << "nobody mounts it";
    compare({"/dev/log"});
    EXPECT_EQ(target.missing_sources->size(), 1U);
    facts.bundle->mounts.back() = {"/etc/new", "/proc/self/fd/99", true};
    compare({});
    EXPECT_EQ(texts_of(target.missing_sources), Names{}) << "of another process";
}

TEST_F(Mounts, of_another_kind) {
    mount("/etc/file", "volume");
    mount("/etc", "file");
    compare({});
    EXPECT_EQ(texts_of(target.unlike_sources),
              (Names{"/etc/file (source " + dir.path("volume") + " is a folder, the place is a file)",
                     "/etc (source " + dir.path("file") + " is a file, the place is a folder)"}));
    facts.bundle->mounts.resize(4);
    mount("/run/data/inner", "file");
    compare({});
    EXPECT_EQ(target.unlike_sources->size(), 1U) << "a folder of the volume";
    facts.bundle->mounts.back().place = "/run/data/new";
    compare({});
    EXPECT_EQ(texts_of(target.unlike_sources), Names{});
}

TEST_F(Mounts, of_one_list_for_each_namespace) {
    const auto source = criu::ImageDirectory::open(dir.path());
    const Deadline over{std::chrono::seconds(0)};
    EXPECT_FALSE(inspect::read_mount_lists(*source, deadline));
    const std::string one("\x19\x43\x56\x54\x28\x39\x56\x55\x06\0\0\0\x3a\x04/own", 18);
    dir.write("mountpoints-1.img", one);
    dir.write("mountpoints-2.img", one);
    EXPECT_EQ(inspect::read_mount_lists(*source, deadline)->size(), 2U);
    EXPECT_FALSE(inspect::read_mount_lists(*source, over));
    dir.write("mountpoints-3.img", "x");
    EXPECT_FALSE(inspect::read_mount_lists(*source, deadline));
}

TEST_F(Mounts, of_far_too_many) {
    const auto source = criu::ImageDirectory::open(dir.path());
    std::string list("\x19\x43\x56\x54\x28\x39\x56\x55", 8);
    for (int i = 0; i < 90'000; ++i)
        list.append(std::string("\x06\0\0\0\x3a\x04/own", 10));
    for (const char* name : {"mountpoints-1.img", "mountpoints-2.img"})
        dir.write(name, list);
    EXPECT_TRUE(inspect::read_mount_lists(*source, deadline));
    dir.write("mountpoints-3.img", list);
    EXPECT_FALSE(inspect::read_mount_lists(*source, deadline)) << "more than 200,000 in all";
}

TEST_F(Mounts, that_are_looser_than_config_json_asks_for) {
    mount("/data", "volume");
    mount("/etc/resolv.conf", "file");
    mount("/dangling/x", "file");
    for (auto& one : facts.bundle->mounts)
        one.flags = MS_RDONLY | MS_NOSUID;
    const auto has = [&](std::uint32_t flags, const std::string& key = "/data") {
        compare_all({{{"/", "", false, false, 1, 0}, {key, key, true, false, 2, flags}}});
        EXPECT_TRUE(target.mount_excesses);
        return target.mount_excesses && !target.mount_excesses->empty()
                   ? check::text_of(target.mount_excesses->front())
                   : std::string();
    };
    EXPECT_EQ(has(MS_RDONLY | MS_NOSUID | MS_NODEV), "");
    EXPECT_TRUE(has(MS_NOSUID).contains("could write /data")) << has(MS_NOSUID);
    EXPECT_TRUE(has(0).contains("had /data without ro, nosuid, which")) << has(0);
    EXPECT_EQ(has(0, "/etc/resolv.conf"), "") << "an engine's own";
    EXPECT_TRUE(has(MS_NOSUID, "/dangling/x").contains("could write"))
        << "its place is not known, its key is";
    EXPECT_TRUE(has(MS_RDONLY, "/var/run//data/").contains("without nosuid")) << "as crun names it";
    // Of two mount namespaces one may have another mount there, which is of no volume.
    compare_all(
        {{{"/data", "/data", true, false, 2, MS_RDONLY | MS_NOSUID}},
         {{"/data", "/data", true, false, 3, MS_RDONLY | MS_NOSUID}, {"/data", "", false, false, 4, 0}}});
    EXPECT_TRUE(target.mount_excesses->empty());
    // The last of two at one place is the one that is seen.
    mount("/data", "volume");
    EXPECT_EQ(has(0), "");
}
