// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <set>
#include <sys/stat.h>
#include <unordered_set>

#include "base/text.hpp"
#include "criu/images/remap_file_path.hpp"
#include "inspect/facts.hpp"
#include "inspect/images.hpp"
#include "inspect/tree.hpp"

namespace lpm::inspect {

namespace {

// What skip-file-rwx-check has CRIU not compare.
constexpr std::uint32_t rwx = 0777;

std::string octal(std::uint32_t mode) {
    std::array<char, 16> digits{'0'};
    const auto end = std::to_chars(digits.data() + 1, digits.data() + digits.size(), mode & 07777U, 8).ptr;
    return {digits.data(), end};
}

std::string modes(const criu::RegFileEntry& file, const struct stat& st) {
    return "had mode " + octal(*file.mode) + ", has " + octal(st.st_mode);
}

// What of it CRIU would not take.
std::string change_of(const criu::RegFileEntry& file, const struct stat& st) {
    if (file.size && S_ISREG(st.st_mode) && *file.size != static_cast<std::uint64_t>(st.st_size))
        return "had " + std::to_string(*file.size) + " bytes, has " + std::to_string(st.st_size);
    const std::uint32_t changed = file.mode ? (*file.mode ^ st.st_mode) & ~rwx : 0;
    return (changed & S_IFMT) != 0 ? "of another type" : changed != 0 ? modes(file, st) : "";
}

std::string change_of_mode(const criu::RegFileEntry& file, const struct stat& st) {
    if (!file.mode || ((*file.mode ^ st.st_mode) & rwx) == 0)
        return {};
    return modes(file, st);
}

void add_change(std::vector<std::string>& list, const std::string& name, const std::string& change) {
    if (!change.empty() && list.size() < max_named)
        list.push_back(one_line(name, 100) + " (" + change + ")");
}

// Of something that is no folder nothing can be below.
bool is_missing(const Error& error) {
    return error.sys == ENOENT || error.sys == ENOTDIR;
}

} // namespace

void compare_files(const Facts& facts, const criu::ImageSource& source, const Tree& tree,
                   const criu::Files& files, Target& target) {
    std::unordered_set<std::uint32_t> remapped;
    const auto image = source.read(criu::remap_fpath_img);
    if (image || image.error().code != Errc::absent) {
        const auto ids = image ? criu::parse_remap_fpath(*image) : std::unexpected(image.error());
        if (!ids)
            return; // any file may be one that CRIU makes itself
        remapped.insert(ids->begin(), ids->end());
    }
    std::vector<std::string> missing;
    std::vector<std::string> changed;
    std::vector<std::string> changed_modes;
    for (const auto& file : files.reg) {
        if (facts.deadline->passed())
            return;
        if (file.ext || !file.name.starts_with('/') || remapped.contains(file.id))
            continue;
        const auto found = tree.find(file.name);
        if (!found && is_missing(found.error()) && missing.size() < max_named)
            missing.push_back(one_line(file.name, 100));
        if (!found)
            continue;
        add_change(changed, file.name, change_of(file, *found));
        add_change(changed_modes, file.name, change_of_mode(file, *found));
    }
    target.missing_files = std::move(missing);
    target.changed_files = std::move(changed);
    target.changed_modes = std::move(changed_modes);
}

// CRIU removes a socket that is in the place of one of its own (criu/sk-unix.c unlink_sk), on volumes as
// well, where it may be another container's.
void compare_unix_sockets(const Facts& facts, const Tree& tree, const criu::Files& files, Target& target) {
    std::set<std::string> taken;
    for (const auto& socket : files.usk) {
        if (facts.deadline->passed())
            return;
        if (socket.external() || !socket.name.starts_with('/') || taken.size() >= max_named)
            continue;
        const Tree::PlannedMount* mount = tree.mount_of(socket.name);
        if (mount == nullptr || !mount->bind)
            continue;
        if (const auto found = tree.find(socket.name); found && S_ISSOCK(found->st_mode))
            taken.insert(one_line(socket.name, 100));
    }
    target.taken_sockets.emplace(taken.begin(), taken.end());
}

} // namespace lpm::inspect
