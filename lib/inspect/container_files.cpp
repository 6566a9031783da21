// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/container_files.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

namespace {

// What CRIU can dump of them (criu/files.c). BPF maps only when it is built with libbpf, which Debian's is
// not.
constexpr std::string_view known_anon[] = {"[eventfd]",  "[eventpoll]", "inotify", "[fanotify]",
                                           "[signalfd]", "[timerfd]",   "[pidfd]"};

struct Device {
    unsigned major;
    unsigned minor_from;
    unsigned minor_to;
};
// null, zero, kmsg and the like; console, ptmx; tty1...; pts; tun (criu/files.c dump_chrdev).
constexpr Device known_devices[] = {
    {1, 0, 1048575}, {5, 0, 2}, {4, 0, 63}, {136, 0, 1048575}, {10, 200, 200}};
constexpr unsigned nvidia_major = 195;
constexpr unsigned memory_major = 1;
constexpr unsigned pts_major = 136;

bool known_device(dev_t device) {
    return std::ranges::any_of(known_devices, [&](const Device& known) {
        return major(device) == known.major && minor(device) >= known.minor_from &&
               minor(device) <= known.minor_to;
    });
}

std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

// memfd_secret(2). What a program has called so has a mount of the container's.
constexpr std::string_view secret_memory = "/secretmem (deleted)";

// Their inodes have no handle that can be opened again, with which CRIU would find what is watched
// (criu/fsnotify.c, fs/exportfs).
constexpr std::string_view without_handles[] = {"proc", "sysfs", "devpts", "mqueue"};

// What has no name by nature, and is on a mount of the kernel's own: it is found without one.
bool nameless(std::string_view path) {
    static constexpr std::string_view kinds[] = {"/memfd:", "/dev/zero (deleted)", "/SYSV", "/anon_hugepage"};
    return std::ranges::any_of(kinds, [&](std::string_view kind) { return path.starts_with(kind); });
}

} // namespace

// What is asked is what the kernel knows: the file system may be one that answers no more.
void Files::path(int fd, std::string_view path, int dir, const char* through) {
    struct statx st{};
    if (::statx(dir, through, AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_MNT_ID, &st) != 0)
        return unread("stat", path);
    if (path == secret_memory && of_kernel(st))
        return add(Item::anon_inode, fd, "memfd_secret");
    const bool special = S_ISCHR(st.stx_mode) || S_ISBLK(st.stx_mode);
    const dev_t number = makedev(st.stx_rdev_major, st.stx_rdev_minor);
    if (special)
        device(fd, path, number, S_ISBLK(st.stx_mode));
    if (S_ISREG(st.stx_mode))
        deleted(fd, path, st);
    // A terminal is found by its number, and the runtime reopens the null device of init.
    const bool named = S_ISREG(st.stx_mode) || S_ISDIR(st.stx_mode) ||
                       (special && major(number) == memory_major && !process_.init);
    if (named && fd >= 0 && !nameless(path) && (st.stx_mask & STATX_MNT_ID) != 0)
        mount(fd, path, st);
}

void Files::anonymous(int fd, std::string_view kind) {
    if (kind == "[io_uring]")
        return add(Item::io_uring, fd, kind);
    if (kind == "inotify" || kind == "[fanotify]")
        return watches(fd, kind);
    if (kind == "[pidfd]")
        return pidfd(fd);
    if (std::ranges::find(known_anon, kind) == std::end(known_anon))
        add(Item::anon_inode, fd, kind);
}

void Files::add(Item item, int fd, std::string_view thing, std::uint64_t bytes) {
    walk_.workload[item].add({process_.pid, process_.name, fd, std::string(thing), bytes});
}

void Files::unread(std::string_view call, std::string_view thing) {
    const std::string what = std::string(call) + " " + std::string(thing) + " of process " +
                             std::to_string(process_.pid) + " (" + process_.name + ")";
    note_unread(walk_.workload.gap, fail_errno(errno, one_line(what)).error());
}

procfs::FdInfo Files::info(int fd) {
    auto info = procfs::read_fdinfo(process_.pid, fd);
    if (!info)
        note_unread(walk_.workload.gap, info.error());
    return std::move(info).value_or(procfs::FdInfo{});
}

// It is on a mount that no process sees.
bool Files::of_kernel(const struct statx& st) const {
    const auto& mounts = walk_.container.mounts;
    return (st.stx_mask & STATX_MNT_ID) != 0 && !mounts.empty() &&
           !std::ranges::contains(mounts, static_cast<int>(st.stx_mnt_id), &procfs::Mount::id);
}

void Files::device(int fd, std::string_view path, dev_t device, bool block) {
    if (major(device) == pts_major && fd >= 0)
        walk_.terminals.push_back({minor(device), {process_.pid, process_.name, fd, std::string(path)}});
    if (device == makedev(5, 2) && fd >= 0)
        if (const auto terminal = info(fd).terminal)
            walk_.masters.insert(*terminal);
    if (device == makedev(10, 200) && fd >= 0)
        tun(fd, path);
    if (major(device) == nvidia_major || path.starts_with("/dev/nvidia"))
        return add(Item::gpu, fd, path);
    if (block || !known_device(device))
        add(Item::device, fd, path);
}

void Files::tun(int fd, std::string_view path) {
    if (walk_.node_network)
        return add(Item::tun_of_node, fd, path);
    if (const auto interface = info(fd).interface; !interface.empty())
        add(Item::tun_interface, fd, interface);
}

void Files::deleted(int fd, std::string_view path, const struct statx& st) {
    const std::uint64_t bytes = st.stx_blocks * 512;
    if (path.starts_with("/memfd:"))
        walk_.memfds.emplace(st.stx_ino, bytes);
    if (nameless(path))
        return;
    if (st.stx_nlink == 0 && bytes > walk_.options.ghost_limit)
        add(Item::ghost, fd, path, bytes);
    if (st.stx_nlink > 0 &&
        (base_name(path).starts_with(".nfs") || (is_deleted(path) && !is_there(path, st))))
        add(is_on_overlay(st) ? Item::unlinked_on_overlay : Item::unlinked, fd, path);
}

// A name of a file may end so.
bool Files::is_there(std::string_view path, const struct statx& st) {
    if (!own_files_)
        own_files_ = LocalFiles::of_process(process_.pid);
    const auto there =
        *own_files_ ? (*own_files_)->stat(std::string(path)) : std::unexpected(own_files_->error());
    return there && there->stx_ino == st.stx_ino && there->stx_dev_major == st.stx_dev_major &&
           there->stx_dev_minor == st.stx_dev_minor;
}

// An overlay tells of a file of the image how many names it has there, deleted or not.
bool Files::is_on_overlay(const struct statx& st) const {
    const auto& mounts = walk_.container.mounts;
    const auto at = std::ranges::find(mounts, static_cast<int>(st.stx_mnt_id), &procfs::Mount::id);
    return at != mounts.end() && at->type == "overlay";
}

// The standard streams of init have a check of their own.
void Files::mount(int fd, std::string_view path, const struct statx& st) {
    if (process_.own_mounts)
        return;
    switch (place(st)) {
    case Place::outside:
        if (fd > 2 || !process_.init)
            add(Item::outside_mounts, fd, path);
        break;
    case Place::shm:
        add(Item::shm_file, fd, path);
        break;
    case Place::covered:
        add(Item::covered, fd, path);
        break;
    case Place::queue:
        add(Item::message_queue, fd, path);
        break;
    case Place::fine:
        break;
    }
}

// Found once for each mount: a container has few of them and may have 100,000 files.
Place Files::place(const struct statx& st) {
    const int id = static_cast<int>(st.stx_mnt_id);
    const auto [at, fresh] = walk_.places.try_emplace(id, Place::fine);
    if (fresh)
        at->second = find_place(walk_, id, makedev(st.stx_dev_major, st.stx_dev_minor));
    return at->second;
}

void Files::watches(int fd, std::string_view kind) {
    const auto watched = info(fd).watched;
    const auto& mounts = walk_.container.mounts;
    const auto has = [&](auto is_of_type) {
        return std::ranges::find_if(mounts, [&](const procfs::Mount& mount) {
            return is_of_type(mount.type) && std::ranges::find(watched, mount.device) != watched.end();
        });
    };
    const auto bare = has([](std::string_view type) {
        return std::ranges::find(without_handles, type) != std::end(without_handles);
    });
    if (bare != mounts.end())
        return add(Item::watch_without_handle, fd, bare->type);
    if (has([](std::string_view type) { return type == "overlay"; }) != mounts.end())
        add(Item::watch_on_overlay, fd, kind);
}

void Files::pidfd(int fd) {
    const auto known = info(fd);
    if (known.pid && *known.pid > 0 && !walk_.pids.contains(*known.pid))
        add(Item::foreign_pidfd, fd, "of process " + std::to_string(*known.pid));
    constexpr unsigned pidfd_thread = O_EXCL; // linux/pidfd.h
    if ((known.flags & pidfd_thread) != 0)
        add(Item::foreign_pidfd, fd, "of a thread");
}

} // namespace lpm::inspect
