// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <set>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unordered_set>
#include <utility>

#include "criu/images/mm.hpp"
#include "criu/images/remap_file_path.hpp"
#include "inspect/images_parts.hpp"

namespace lpm::inspect {

namespace {

using What = ChangedFile::What;

// What skip-file-rwx-check has CRIU not compare.
constexpr std::uint32_t rwx = 0777;

// What of it CRIU would not take.
std::optional<ChangedFile> find_change(const criu::RegFileEntry& file, const struct statx& st) {
    if (file.size && S_ISREG(st.stx_mode) && *file.size != st.stx_size)
        return ChangedFile{What::size, file.name, *file.size, st.stx_size};
    const std::uint32_t changed = file.mode ? (*file.mode ^ st.stx_mode) & ~rwx : 0;
    if (changed == 0)
        return std::nullopt;
    return ChangedFile{(changed & S_IFMT) != 0 ? What::type : What::mode, file.name, *file.mode, st.stx_mode};
}

std::optional<ChangedFile> find_change_of_mode(const criu::RegFileEntry& file, const struct statx& st) {
    if (!file.mode || ((*file.mode ^ st.stx_mode) & rwx) == 0)
        return std::nullopt;
    return ChangedFile{What::mode, file.name, *file.mode, st.stx_mode};
}

void add_change(std::vector<ChangedFile>& list, std::optional<ChangedFile>&& change) {
    if (change && list.size() < max_named)
        list.push_back(*std::move(change));
}

// Of something that is no folder nothing can be below.
bool is_missing(const Error& error) {
    return error.sys == ENOENT || error.sys == ENOTDIR;
}

// Those that CRIU makes itself. Nothing: any file may be one.
std::optional<FileIds> read_remapped(const criu::ImageSource& source) {
    const auto image = source.read(criu::remap_fpath_img);
    if (!image && image.error().code == Errc::absent)
        return FileIds{};
    const auto ids = image ? criu::parse_remap_fpath(*image) : std::unexpected(image.error());
    return ids ? std::optional<FileIds>(std::in_place, ids->begin(), ids->end()) : std::nullopt;
}

// To the kernel root may execute only what somebody may (PR_SET_MM_EXE_FILE, which CRIU's restorer calls).
bool is_executable(const struct statx& st) {
    return (st.stx_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
}

bool is_on_no_exec(const std::vector<criu::MntEntry>& mounts, const criu::RegFileEntry& file) {
    const auto mount = std::ranges::find(mounts, file.mnt_id, &criu::MntEntry::id);
    return mount != mounts.end() && (mount->flags & MS_NOEXEC) != 0;
}

void compare_files(const criu::ImageSource& source, const criu::Files& files,
                   const std::optional<FileIds>& programs, const std::vector<criu::MntEntry>& mounts,
                   const Tree& tree, const Deadline& deadline, ImageFacts& facts) {
    const auto remapped = read_remapped(source);
    if (!remapped)
        return;
    std::vector<std::string> missing;
    std::vector<ChangedFile> changed;
    std::vector<ChangedFile> changed_modes;
    std::vector<std::string> unexecutable;
    bool all = true;
    for (const auto& file : files.reg) {
        if (deadline.passed())
            return;
        if (file.ext || !file.name.starts_with('/') || remapped->contains(file.id))
            continue;
        const bool is_program = programs && programs->contains(file.id) && unexecutable.size() < max_named;
        if (is_program && is_on_no_exec(mounts, file)) {
            unexecutable.push_back(file.name + " (its mount was noexec)");
            continue;
        }
        const auto found = tree.find(file.name);
        if (!found) {
            const bool is_gone = is_missing(found.error());
            all = all && (is_gone || found.error().code == Errc::busy);
            // Each open of a file has an entry of its own.
            if (is_gone && missing.size() < max_named &&
                std::ranges::find(missing, file.name) == missing.end())
                missing.push_back(file.name);
            continue;
        }
        add_change(changed, find_change(file, *found));
        add_change(changed_modes, find_change_of_mode(file, *found));
        if (is_program && !is_executable(*found))
            unexecutable.push_back(file.name + " (no x bit)");
    }
    const auto tell = [all]<class T>(std::vector<T>& found, std::optional<std::vector<T>>& to) {
        if (all || !found.empty())
            to = std::move(found);
    };
    tell(missing, facts.missing_files);
    tell(changed, facts.changed_files);
    tell(changed_modes, facts.changed_modes);
    if (programs)
        tell(unexecutable, facts.unexecutable);
}

} // namespace

std::optional<FileIds> read_programs(const criu::ImageSource& source,
                                     const std::vector<criu::PstreeEntry>& tasks, const Deadline& deadline) {
    FileIds programs;
    for (const auto& task : tasks) {
        const auto head = source.read_head(criu::mm_img(task.pid), criu::mm_head);
        if (!head && head.error().code == Errc::absent) // a zombie
            continue;
        const auto id = head ? criu::parse_exe_file_id(*head) : std::unexpected(head.error());
        if (!id || deadline.passed())
            return std::nullopt;
        programs.insert(*id);
    }
    return programs;
}

// CRIU removes a socket that is in the place of one of its own (criu/sk-unix.c unlink_sk), on volumes as
// well, where it may be another container's.
void compare_unix_sockets(const criu::Files& files, const Tree& tree, const Deadline& deadline,
                          ImageFacts& facts) {
    std::set<std::string> taken;
    for (const auto& socket : files.usk) {
        if (deadline.passed())
            return;
        if (socket.external() || !socket.name.starts_with('/') || taken.size() >= max_named)
            continue;
        const Tree::PlannedMount* mount = tree.mount_of(socket.name);
        if (mount == nullptr || !mount->bind)
            continue;
        if (const auto found = tree.find(socket.name); found && S_ISSOCK(found->stx_mode))
            taken.insert(socket.name);
    }
    facts.taken_sockets.emplace(taken.begin(), taken.end());
}

void compare_bundle(const criu::ImageSource& source, const criu::Files& files,
                    const std::optional<FileIds>& programs, const Destination& destination,
                    ImageFacts& facts) {
    const Deadline& deadline = destination.deadline;
    const auto lists = read_mount_lists(source, deadline);
    auto tree = Tree::open(*destination.bundle, destination.bundle_dir, destination.layer);
    if (!tree || !lists)
        return;
    compare_mounts(*lists, *destination.bundle, *tree, deadline, facts);
    // Of more than one mount namespace the names are those of several roots, and which is whose is not known.
    if (lists->size() > 1)
        return;
    for (const auto& mount : lists->front())
        if (!mount.external() && mount.mountpoint.size() > 1 && mount.mountpoint.starts_with('/'))
            tree->add_own(mount.mountpoint);
    if (tree->sure()) // else any file may be on the mount whose place is not known
        compare_files(source, files, programs, lists->front(), *tree, deadline, facts);
    compare_unix_sockets(files, *tree, deadline, facts);
}

} // namespace lpm::inspect
