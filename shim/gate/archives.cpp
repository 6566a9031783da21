// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "archives.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "inspect/daemon.hpp"

namespace lpm::gate {

using service::ArchiveFile;
using service::ArchiveFolder;

// .gz and .zst: podman(1) and checkpointctl(1) have such archives.
static constexpr std::string_view endings[] = {".tar", ".tar.gz", ".tgz", ".tar.zst"};
static constexpr std::string_view pin = ".keep";

static std::vector<std::string> folders_of(const config::Settings& settings) {
    std::vector<std::string> folders{inspect::find_kubelet_dir().value_or(settings.kubelet_dir) +
                                     "/checkpoints"};
    for (const auto& folder : settings.archive_folders)
        if (!std::ranges::contains(folders, folder))
            folders.push_back(folder);
    return folders;
}

// Whoever may write there could have us remove what is no archive, and show memory that is none of root's.
static Result<Fd> open_folder(const std::string& path) {
    if (!path.starts_with('/'))
        return fail(Errc::invalid, "is not absolute: archives.folders in lpm.toml");
    TRY_ASSIGN(Fd folder, open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
    struct stat info{};
    if (::fstat(folder.get(), &info) != 0)
        return fail_errno(errno, "stat");
    if (info.st_uid != 0 || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fail(Errc::denied, "others than root may write in it: chown root, chmod go-w");
    return folder;
}

static bool is_name(std::string_view name) {
    return !name.starts_with('.') && !name.contains('/') &&
           std::ranges::any_of(endings, [&](auto ending) { return name.ends_with(ending); });
}

static bool is_pinned(int folder, const std::string& name) {
    struct stat info{};
    const auto found = ::fstatat(folder, (name + std::string(pin)).c_str(), &info, AT_SYMLINK_NOFOLLOW);
    return found == 0 || errno != ENOENT; // what cannot be looked at may be a pin
}

// Whether others have the file open: to write (F_RDLCK), or at all besides us (F_WRLCK). A lease of that kind
// is not given then (fcntl(2)); one that is given ends at once. Nothing: the file system has no leases.
static std::optional<bool> opened_by_others(int fd, int lease) {
    if (::fcntl(fd, F_SETLEASE, lease) != 0)
        return errno == EAGAIN ? std::optional(true) : std::nullopt;
    ::fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

static std::string id_of(const struct stat& info) {
    const auto& time = info.st_mtim;
    return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + ":" +
           std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec) + ":" +
           std::to_string(info.st_size);
}

static Result<OpenedArchive> open_in(int folder, const std::string& folder_path, const std::string& name) {
    // A fifo is not waited for.
    TRY_ASSIGN(Fd fd, open_at(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0)
        return fail_errno(errno, "stat");
    if (!S_ISREG(info.st_mode))
        return fail(Errc::absent, "is no regular file");
    ArchiveFile file;
    file.path = folder_path + "/" + name;
    file.id = id_of(info);
    file.size = static_cast<std::uint64_t>(info.st_size);
    file.modified_ms = to_milliseconds(info.st_mtim);
    file.pinned = is_pinned(folder, name);
    file.writing = opened_by_others(fd.get(), F_RDLCK);
    return OpenedArchive{std::move(file), std::move(fd)};
}

static ArchiveFolder list_folder(const std::string& path) {
    ArchiveFolder list;
    list.path = path;
    const auto folder = open_folder(path);
    if (!folder) {
        // The kubelet makes it with its first checkpoint.
        if (folder.error().code != Errc::absent)
            list.fault = folder.error().text;
        return list;
    }
    std::vector<std::string> names;
    each_entry(folder->get(), [&](int, const dirent& entry) {
        if (!is_name(entry.d_name))
            return true;
        list.cut_off = names.size() == service::max_archives;
        if (!list.cut_off)
            names.emplace_back(entry.d_name);
        return !list.cut_off;
    });
    std::ranges::sort(names);
    for (const auto& name : names)
        if (auto opened = open_in(folder->get(), path, name))
            list.files.push_back(std::move(opened->file));
    return list;
}

std::vector<ArchiveFolder> list_archives(const config::Settings& settings) {
    ::signal(SIGIO, SIG_IGN); // somebody opens a file in the moment of a lease
    std::vector<ArchiveFolder> lists;
    std::size_t files = 0;
    for (const auto& folder : folders_of(settings)) {
        ArchiveFolder list = list_folder(folder);
        if (files + list.files.size() > service::max_archives) {
            list.files.resize(service::max_archives - files);
            list.cut_off = true;
        }
        files += list.files.size();
        lists.push_back(std::move(list));
    }
    return lists;
}

namespace {
struct Place {
    Fd folder;
    std::string folder_path;
    std::string name;
};
} // namespace

static Result<Place> find_place(const config::Settings& settings, const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string folder = path.substr(0, slash);
    std::string name = path.substr(slash + 1);
    if (!std::ranges::contains(folders_of(settings), folder) || !is_name(name))
        return fail(Errc::absent, one_line(path) + " is no archive in a folder of this node's archives");
    TRY_ASSIGN(Fd opened, open_folder(folder));
    return Place{std::move(opened), folder, std::move(name)};
}

static Result<OpenedArchive> open_at_place(const Place& place, const std::string& id) {
    auto opened = open_in(place.folder.get(), place.folder_path, place.name);
    if (!opened)
        return fail(opened.error().code,
                    one_line(place.folder_path + "/" + place.name) + ": " + opened.error().text);
    if (!id.empty() && opened->file.id != id)
        return fail(Errc::busy, one_line(opened->file.path) + " is another file now, or was written again");
    return opened;
}

Result<OpenedArchive> open_archive(const config::Settings& settings, const std::string& path,
                                   const std::string& id) {
    ::signal(SIGIO, SIG_IGN);
    TRY_ASSIGN(const Place place, find_place(settings, path));
    return open_at_place(place, id);
}

Result<ArchiveFile> delete_archive(const config::Settings& settings, const std::string& path,
                                   const std::string& id) {
    ::signal(SIGIO, SIG_IGN);
    TRY_ASSIGN(const Place place, find_place(settings, path));
    TRY_ASSIGN(OpenedArchive opened, open_at_place(place, id));
    const std::string& named = opened.file.path;
    const auto used = opened_by_others(opened.content.get(), F_WRLCK);
    if (used.value_or(opened.file.writing.value_or(false)))
        return fail(Errc::busy, one_line(named) + " is in use: a process of this node has it open");
    // Directly before: who pins it now is heard.
    if (is_pinned(place.folder.get(), place.name))
        return fail(Errc::busy, one_line(named) + " is pinned: remove " + one_line(named) + ".keep first");
    if (::unlinkat(place.folder.get(), place.name.c_str(), 0) != 0)
        return fail_errno(errno, "unlink " + one_line(named));
    ::fsync(place.folder.get());
    return std::move(opened.file);
}

} // namespace lpm::gate
