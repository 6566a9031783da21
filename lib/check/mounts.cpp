// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>

#include "base/text.hpp"
#include "check/found.hpp"
#include "check/judges.hpp"

namespace lpm::check {

namespace {

using procfs::Mount;

// File systems that CRIU restores (criu/filesystems.c); others must come from outside, as bind mounts.
constexpr std::string_view known_types[] = {"proc",       "sysfs",   "devtmpfs", "binfmt_misc", "tmpfs",
                                            "devpts",     "simfs",   "btrfs",    "pstore",      "mqueue",
                                            "securityfs", "fusectl", "debugfs",  "tracefs",     "cgroup",
                                            "cgroup2",    "aufs",    "fuse",     "overlay",     "autofs"};

// On cgroup v1 the runtime makes one mount of config.json a bind mount for each hierarchy, and hands these to
// CRIU (libcontainer/container_linux.go, Checkpoint). Where systemd is, they are slaves of the node's.
bool of_cgroups(const oci::Bundle& bundle, const Mount& mount) {
    return mount.type == "cgroup" && std::ranges::any_of(bundle.mounts, [&](const oci::MountPoint& planned) {
               return planned.type == "cgroup" && is_below(mount.point, planned.place);
           });
}

// The runtime hands to CRIU what config.json binds in, what it masks and devices: those come from outside.
bool external(const Facts& facts, const Mount& mount) {
    const auto& bundle = *facts.bundle;
    const auto in = [&](const std::vector<std::string>& paths) {
        return std::ranges::find(paths, mount.point) != paths.end();
    };
    return mount.point == "/" || in(bundle.binds) || in(bundle.masked) || mount.point.starts_with("/dev/") ||
           of_cgroups(bundle, mount);
}

// A mount of a part of a file system needs one of a greater part that CRIU can make it from.
bool has_source(const std::vector<Mount>& mounts, const Mount& part) {
    if (part.root == "/")
        return true;
    return std::ranges::any_of(mounts, [&](const Mount& other) {
        return other.id != part.id && other.device == part.device && is_below(part.root, other.root);
    });
}

std::string name(const Mount& mount) {
    return one_line(mount.point, 120) + " (" + one_line(mount.type, 40) + ")";
}

template <class Bad>
Judgement judge_mounts(const Facts& facts, std::string_view why, Verdict verdict, Bad bad) {
    if (!facts.container.workload || facts.container.mounts.empty() || !facts.bundle)
        return {Verdict::unknown, "the container's mounts, or its config.json, cannot be read"};
    for (const Mount& mount : facts.container.mounts)
        if (bad(mount))
            return {verdict, "the mount " + name(mount) + " " + std::string(why)};
    return {};
}

// Of what config.json mounts, before anything is mounted. The runtime tells CRIU of what lies below /dev.
Judgement judge_planned_filesystems(const Facts& facts) {
    if (!facts.bundle)
        return no_bundle();
    for (const auto& mount : facts.bundle->mounts)
        if (!mount.bind && !mount.type.empty() && !mount.place.starts_with("/dev/") &&
            std::ranges::find(known_types, mount.type) == std::end(known_types))
            return {Verdict::block, "the mount " + one_line(mount.place, 120) + " (" +
                                        one_line(mount.type, 40) +
                                        ") is to be of a kind that CRIU does not know"};
    return {};
}

} // namespace

// The kernel lists the mounts that can be reached from a process's root; CRIU asks for init's ("Can't parse
// 12's mountinfo").
Judgement judge_root(const Facts& facts) {
    if (!facts.container.root_is_no_mount)
        return facts.container.mounts.empty() ? no_workload() : Judgement{};
    return {Verdict::block,
            "the first process has changed its root (chroot) to a folder that is no mount, and CRIU "
            "reads the container's mounts through it"};
}

Judgement judge_unknown_mount(const Facts& facts) {
    return judge_mounts(facts,
                        "was made after the start and shows a part of something that is not mounted in the "
                        "container: CRIU cannot make it again",
                        Verdict::block, [&](const Mount& mount) {
                            return !external(facts, mount) && mount.type != "cgroup" &&
                                   mount.type != "cgroup2" && !has_source(facts.container.mounts, mount);
                        });
}

Judgement judge_filesystem(const Facts& facts) {
    if (facts.subject.stage == Stage::create)
        return judge_planned_filesystems(facts);
    return judge_mounts(facts, "is of a kind that CRIU does not know", Verdict::block,
                        [&](const Mount& mount) {
                            return !external(facts, mount) && mount.root == "/" &&
                                   std::ranges::find(known_types, mount.type) == std::end(known_types);
                        });
}

// What config.json binds in may be a slave: the runtime tells CRIU where it comes from.
Judgement judge_sharing(const Facts& facts) {
    return judge_mounts(
        facts, "has come with propagation from a mount outside of the container: CRIU cannot make it again",
        Verdict::block, [&](const Mount& mount) {
            return !external(facts, mount) && mount.master != 0 &&
                   std::ranges::none_of(facts.container.mounts,
                                        [&](const Mount& other) { return other.shared == mount.master; });
        });
}

// CRIU makes what was deleted again where the mount's source is, fails if it is there (criu/mount-v2.c,
// "Can't re-create deleted"), and stumbles later if it is not; unless it is within the container's own root.
Judgement judge_deleted_mount(const Facts& facts) {
    if (facts.subject.stage == Stage::restore)
        return judge_list(
            facts.images.deleted_mounts,
            "the sources of mounts had been deleted before the checkpoint, and CRIU cannot make "
            "such a mount again");
    return judge_mounts(facts,
                        "shows what was deleted since, as a subPath does when its ConfigMap has changed: a "
                        "restore would fail, whether its source is there again or not",
                        Verdict::block, [&](const Mount& mount) {
                            return mount.root.ends_with("//deleted") &&
                                   std::ranges::contains(facts.bundle->binds, mount.point);
                        });
}

Judgement judge_pod_identity(const Facts& facts) {
    if (!facts.bundle)
        return no_bundle();
    if (facts.bundle->pod_identity.empty())
        return {};
    return {Verdict::warn,
            "the environment says where the container is, and keeps saying it after a restore: " +
                some_of(facts.bundle->pod_identity)};
}

Judgement judge_volumes(const Facts& facts) {
    if (!facts.bundle)
        return no_bundle();
    if (facts.bundle->volumes.empty())
        return {};
    return {Verdict::warn, "writable volumes are not in the checkpoint: " + some_of(facts.bundle->volumes)};
}

} // namespace lpm::check
