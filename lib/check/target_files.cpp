// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cerrno>
#include <set>
#include <sys/stat.h>
#include <unordered_set>

#include "base/file.hpp"
#include "base/text.hpp"
#include "check/facts.hpp"
#include "check/target.hpp"
#include "check/tree.hpp"

namespace lpm::check {

namespace {

std::string describe(const criu::RegularFile& file, const struct stat& st) {
    std::string text = one_line(file.name, 100);
    if (file.size && S_ISREG(st.st_mode) && *file.size != static_cast<std::uint64_t>(st.st_size))
        return text + " (had " + std::to_string(*file.size) + " bytes, has " + std::to_string(st.st_size) +
               ")";
    return text + " (of another type)";
}

bool differs(const criu::RegularFile& file, const struct stat& st) {
    if (file.size && S_ISREG(st.st_mode) && *file.size != static_cast<std::uint64_t>(st.st_size))
        return true;
    // CRIU compares the permissions as well, unless skip-file-rwx-check tells it not to.
    return file.mode && (*file.mode & S_IFMT) != (st.st_mode & S_IFMT);
}

// Of something that is no folder nothing can be below.
bool is_missing(const Error& error) {
    return error.sys == ENOENT || error.sys == ENOTDIR;
}

} // namespace

void compare_files(const Facts& facts, int dir, const Tree& tree, const criu::OpenFiles& files,
                   Target& target) {
    std::unordered_set<std::uint32_t> remapped;
    constexpr std::size_t max_remaps = std::size_t{16} << 20;
    const auto image = read_file(dir, "remap-fpath.img", max_remaps);
    if (image || image.error().sys != ENOENT) {
        const auto ids = image ? criu::parse_remaps(*image) : std::unexpected(image.error());
        if (!ids)
            return; // any file may be one that CRIU makes itself
        remapped.insert(ids->begin(), ids->end());
    }
    std::vector<std::string> missing;
    std::vector<std::string> changed;
    for (const auto& file : files.files) {
        if (facts.deadline->passed())
            return;
        if (file.external || !file.name.starts_with('/') || remapped.contains(file.id))
            continue;
        const auto found = tree.find(file.name);
        if (!found && is_missing(found.error()) && missing.size() < max_named)
            missing.push_back(one_line(file.name, 100));
        else if (found && differs(file, *found) && changed.size() < max_named)
            changed.push_back(describe(file, *found));
    }
    target.missing_files = std::move(missing);
    target.changed_files = std::move(changed);
}

// CRIU removes a socket that is in the place of one of its own (criu/sk-unix.c unlink_sk), on volumes as
// well, where it may be another container's.
void compare_unix_sockets(const Facts& facts, const Tree& tree, const criu::OpenFiles& files,
                          Target& target) {
    std::set<std::string> taken;
    for (const auto& socket : files.unix_sockets) {
        if (facts.deadline->passed())
            return;
        if (socket.external || !socket.name.starts_with('/') || taken.size() >= max_named)
            continue;
        const Tree::Mount* mount = tree.mount_of(socket.name);
        if (mount == nullptr || !mount->bind)
            continue;
        if (const auto found = tree.find(socket.name); found && S_ISSOCK(found->st_mode))
            taken.insert(one_line(socket.name, 100));
    }
    target.taken_sockets.emplace(taken.begin(), taken.end());
}

} // namespace lpm::check
