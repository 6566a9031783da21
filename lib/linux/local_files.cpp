// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/local_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <iterator>
#include <unistd.h>
#include <utility>

#include "base/file.hpp"
#include "base/text.hpp"

namespace lpm {

static constexpr std::string_view local_types[] = {
    // disks and memory
    "bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hugetlbfs", "iso9660", "overlay",
    "ramfs", "rootfs", "squashfs", "tmpfs", "vfat", "xfs", "zfs",
    // the kernel's own
    "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
    "fusectl", "mqueue", "nsfs", "proc", "pstore", "securityfs", "selinuxfs", "sysfs", "tracefs"};

bool is_local_type(std::string_view type) {
    return std::ranges::find(local_types, type) != std::end(local_types);
}

static bool is_local_mount(const procfs::Mount& mount) {
    return mount.point == "/" || is_local_type(mount.type);
}

LocalFiles::LocalFiles(Fd&& root, std::vector<procfs::Mount>&& mounts)
    : root_(std::move(root)), mounts_(std::move(mounts)),
      all_local_(std::ranges::all_of(mounts_, is_local_mount)) {}

Result<LocalFiles> LocalFiles::of_process(pid_t pid) {
    TRY_ASSIGN(auto mounts, procfs::read_mountinfo(pid));
    return of_process(pid, std::move(mounts));
}

Result<LocalFiles> LocalFiles::of_process(pid_t pid, std::vector<procfs::Mount>&& mounts) {
    const std::string root = pid == 0 ? "/" : "/proc/" + std::to_string(pid) + "/root";
    TRY_ASSIGN(Fd fd, open_at(AT_FDCWD, root, O_PATH | O_DIRECTORY));
    return LocalFiles(std::move(fd), std::move(mounts));
}

bool LocalFiles::is_local(std::string_view path) const {
    if (all_local_)
        return true;
    const auto* mount = procfs::mount_of(mounts_, path);
    return mount != nullptr && is_local_mount(*mount);
}

// Name by name: where a link leads to is known before anything is looked up there.
Result<Fd> LocalFiles::walk(std::string rest) const {
    constexpr int max_links = 40; // as the kernel has it
    std::string at;
    TRY_ASSIGN(Fd file, open_in_root(root_.get(), "/", Links::none));
    for (int links = 0; !rest.empty();) {
        std::string_view left = rest;
        const std::string name(next_part(left, '/'));
        rest = std::string(left);
        std::string next = at;
        next.append("/").append(name);
        if (name == "..")
            next = at.substr(0, at.rfind('/')); // of none all of none
        if (name.empty() || name == ".")
            continue;
        const std::string place = next.empty() ? "/" : next;
        if (!is_local(place))
            return fail(Errc::unavailable, place + " is on a file system that may not answer");
        auto there = open_in_root(root_.get(), place, Links::none);
        if (!there && there.error().sys == ELOOP && ++links <= max_links) {
            std::array<char, PATH_MAX> target{};
            const ssize_t size = ::readlinkat(file.get(), name.c_str(), target.data(), target.size());
            if (size < 0)
                return fail_errno(errno, "read link " + next);
            rest.insert(0, "/").insert(0, target.data(), static_cast<std::size_t>(size));
            if (!rest.starts_with('/'))
                continue;
            next.clear();
            there = open_in_root(root_.get(), "/", Links::none);
        }
        if (!there)
            return there;
        file = *std::move(there);
        at = std::move(next);
    }
    return file;
}

Result<Fd> LocalFiles::open(const std::string& path) const {
    return all_local_ ? open_in_root(root_.get(), path, Links::followed) : walk(path);
}

Result<struct statx> LocalFiles::stat(const std::string& path) const {
    TRY_ASSIGN(const Fd file, open(path));
    struct statx st{};
    constexpr unsigned mask = STATX_BASIC_STATS | STATX_MNT_ID;
    if (::statx(file.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, mask, &st) != 0)
        return fail_errno(errno, "stat " + path);
    return st;
}

} // namespace lpm
