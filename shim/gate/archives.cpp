// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "archives.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "archive_folder.hpp"
#include "base/dir.hpp"
#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "inspect/daemon.hpp"
#include "linux/lease.hpp"

namespace lpm::gate {

using service::ArchiveFile;
using service::ArchiveFolder;

// .gz and .zst: podman(1) and checkpointctl(1) have such archives.
static constexpr std::string_view endings[] = {".tar", ".tar.gz", ".tgz", ".tar.zst"};
static constexpr std::string_view pin = ".keep";

// Of the kubelet that runs. While none does, as in its restart, of the one that was seen last.
static std::string kubelet_folder(const config::Settings& settings) {
    constexpr const char* seen_last = "kubelet-dir"; // in /run/lpm
    const auto run = open_at(AT_FDCWD, paths::run_dir, O_RDONLY | O_DIRECTORY);
    auto dir = inspect::find_kubelet_dir();
    const auto last = run ? read_file(run->get(), seen_last, PATH_MAX) : std::unexpected(run.error());
    if (dir && run && last.value_or("") != *dir)
        (void)replace_file(run->get(), seen_last, *dir, 0600, Sync::none);
    return dir.value_or(last.value_or(settings.kubelet_dir)) + "/checkpoints";
}

std::vector<std::string> archive_folders(const config::Settings& settings) {
    std::vector<std::string> folders{kubelet_folder(settings)};
    for (const auto& folder : settings.archive_folders)
        if (!std::ranges::contains(folders, folder))
            folders.push_back(folder);
    return folders;
}

static bool is_name(std::string_view name) {
    return !name.starts_with('.') && !name.contains('/') &&
           std::ranges::any_of(endings, [&](auto ending) { return name.ends_with(ending); });
}

static bool is_pinned(int folder, const std::string& name) {
    struct stat info{};
    const auto found = ::fstatat(folder, (name + std::string(pin)).c_str(), &info, AT_SYMLINK_NOFOLLOW);
    // What cannot be looked at may be a pin; what is too long for a name cannot.
    return found == 0 || (errno != ENOENT && errno != ENAMETOOLONG);
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

static void keep_newest(int folder, std::vector<std::string>& names) {
    const auto modified_ms = [&](const std::string& name) {
        struct stat info{};
        return ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0
                   ? to_milliseconds(info.st_mtim)
                   : 0;
    };
    std::vector<std::pair<std::uint64_t, std::string>> dated;
    dated.reserve(names.size());
    for (auto& name : names)
        dated.emplace_back(modified_ms(name), std::move(name));
    std::ranges::nth_element(dated, dated.begin() + service::max_archives, std::ranges::greater{});
    dated.resize(service::max_archives);
    names.clear();
    for (auto& [time, name] : dated)
        names.push_back(std::move(name));
}

// In their order; the newest of them when there are more than are listed.
static std::vector<std::string> find_names(int folder, ArchiveFolder& list) {
    constexpr std::size_t most_entries = 100'000;
    std::vector<std::string> names;
    each_entry(folder, [&](int, const dirent& entry) {
        if (is_name(entry.d_name))
            names.emplace_back(entry.d_name);
        return names.size() < most_entries;
    });
    list.cut_off = names.size() > service::max_archives;
    if (list.cut_off)
        keep_newest(folder, names);
    std::ranges::sort(names);
    return names;
}

// `made_later`: it may not be there yet.
static ArchiveFolder list_folder(const std::string& path, bool made_later) {
    ArchiveFolder list;
    list.path = path;
    const auto folder = open_archive_folder(path);
    if (!folder) {
        if (folder.error().code != Errc::absent || !made_later)
            list.fault = folder.error().text;
        return list;
    }
    for (const auto& name : find_names(folder->get(), list)) {
        auto opened = open_in(folder->get(), path, name);
        if (opened)
            list.files.push_back(std::move(opened->file));
        else if (opened.error().code != Errc::absent && opened.error().sys != ELOOP) // it went, or is no file
            list.fault = one_line(name) + ": " + opened.error().text;
    }
    return list;
}

std::vector<ArchiveFolder> list_archives(const config::Settings& settings) {
    std::vector<ArchiveFolder> lists;
    std::size_t files = 0;
    for (const auto& folder : archive_folders(settings)) {
        ArchiveFolder list =
            list_folder(folder, lists.empty()); // the kubelet makes its own with its first checkpoint
        if (files + list.files.size() > service::max_archives) {
            list.files.resize(service::max_archives - files);
            list.cut_off = true;
        }
        files += list.files.size();
        lists.push_back(std::move(list));
    }
    if (!settings.archives_unread.empty()) // what it was going to name may have archives
        lists.push_back(
            {.path = paths::settings_file,
             .fault = "the folders of [archives] are unknown: " + one_line(settings.archives_unread)});
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
    if (!std::ranges::contains(archive_folders(settings), folder) || !is_name(name))
        return fail(Errc::absent, one_line(path) + " is no archive in a folder of this node's archives");
    TRY_ASSIGN(Fd opened, open_archive_folder(folder));
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
    TRY_ASSIGN(const Place place, find_place(settings, path));
    return open_at_place(place, id);
}

bool only_root_writes(const OpenedArchive& archive) {
    struct stat info{};
    return ::fstat(archive.content.get(), &info) == 0 && is_roots_alone(info);
}

// Where there are no leases to tell who has it open.
static bool was_just_written(const ArchiveFile& file) {
    return file.modified_ms + service::rest_ms > to_milliseconds(now());
}

Result<ArchiveFile> delete_archive(const config::Settings& settings, const std::string& path,
                                   const std::string& id) {
    TRY_ASSIGN(const Place place, find_place(settings, path));
    TRY_ASSIGN(OpenedArchive opened, open_at_place(place, id));
    const std::string named = one_line(opened.file.path);
    const auto pinned = [&]() -> Result<> {
        if (is_pinned(place.folder.get(), place.name))
            return fail(Errc::busy, named + " is pinned: remove " + named + ".keep first");
        return {};
    };
    TRY(pinned()); // before a lease keeps others from opening it
    const auto used = opened_by_others(opened.content.get(), F_WRLCK);
    if (used.value_or(was_just_written(opened.file)))
        return fail(Errc::busy,
                    named + " is in use: a process of this node has it open, or has just written it");
    TRY(pinned()); // directly before: who pins it now is heard
    struct stat there{};
    if (::fstatat(place.folder.get(), place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0 ||
        id_of(there) != opened.file.id)
        return fail(Errc::busy, named + " is another file now");
    if (::unlinkat(place.folder.get(), place.name.c_str(), 0) != 0)
        return fail_errno(errno, "unlink " + named);
    ::unlinkat(place.folder.get(), signature_name(place.name).c_str(), 0);
    ::fsync(place.folder.get());
    return std::move(opened.file);
}

} // namespace lpm::gate
