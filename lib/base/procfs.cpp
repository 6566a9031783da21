// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/procfs.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/text.hpp"

namespace lpm::procfs {

// mountinfo of a node with thousands of containers stays far below this.
static constexpr std::size_t max_text = std::size_t{8} << 20;

static std::string path_of(pid_t pid, std::string_view file) {
    return "/proc/" + std::to_string(pid) + "/" + std::string(file);
}

static Result<std::string> read_proc(pid_t pid, std::string_view file) {
    return read_file(AT_FDCWD, path_of(pid, file), max_text);
}

Result<Stat> parse_stat(std::string_view text) {
    // The command name may hold spaces and brackets: everything counts from the last ')'.
    const auto close = text.rfind(')');
    if (close == std::string_view::npos)
        return fail(Errc::invalid, "stat: no command name");
    auto rest = text.substr(close + 1);
    const auto state = next_word(rest);
    if (state.size() != 1)
        return fail(Errc::invalid, "stat: no state");
    // state is field 3 of proc_pid_stat(5), starttime field 22.
    for (int field = 4; field < 22; ++field)
        (void)next_word(rest);
    const auto start = to_number<std::uint64_t>(next_word(rest));
    if (!start)
        return fail(Errc::invalid, "stat: no start time");
    return Stat{state.front(), *start};
}

Result<Stat> read_stat(pid_t pid) {
    TRY_ASSIGN(const std::string text, read_proc(pid, "stat"));
    return parse_stat(text);
}

Memory parse_memory(std::string_view status) {
    Memory memory;
    while (!status.empty()) {
        auto line = next_line(status);
        const auto key = next_word(line);
        std::uint64_t* into = key == "RssAnon:"    ? &memory.anon
                              : key == "RssShmem:" ? &memory.shmem
                              : key == "VmSwap:"   ? &memory.swap
                                                   : nullptr;
        if (into == nullptr)
            continue;
        const auto kib = to_number<std::uint64_t>(next_word(line));
        if (kib && *kib <= UINT64_MAX / 1024)
            *into = *kib * 1024;
    }
    return memory;
}

Result<Memory> read_memory(pid_t pid) {
    TRY_ASSIGN(const std::string text, read_proc(pid, "status"));
    return parse_memory(text);
}

std::vector<int> parse_mount_ids(std::string_view mountinfo) {
    std::vector<int> ids;
    while (!mountinfo.empty()) {
        auto line = next_line(mountinfo);
        if (const auto id = to_number<int>(next_word(line)))
            ids.push_back(*id);
    }
    std::ranges::sort(ids);
    return ids;
}

Result<std::vector<int>> read_mount_ids(pid_t pid) {
    TRY_ASSIGN(const std::string text, read_proc(pid, "mountinfo"));
    return parse_mount_ids(text);
}

// `point` is `path` or a directory above it.
static bool covers(std::string_view point, std::string_view path) {
    return path.starts_with(point) &&
           (point == "/" || path.size() == point.size() || path[point.size()] == '/');
}

Result<std::string> parse_fs_type(std::string_view mountinfo, std::string_view path) {
    std::string_view type;
    std::size_t best = 0;
    while (!mountinfo.empty()) {
        auto line = next_line(mountinfo);
        // id parent major:minor root point options [tags] - type source options
        for (int field = 0; field < 4; ++field)
            (void)next_word(line);
        const auto point = next_word(line);
        const auto dash = line.find(" - ");
        // The last of the longest: a later mount lies above an earlier one.
        if (point.empty() || dash == std::string_view::npos || !covers(point, path) || point.size() < best)
            continue;
        auto rest = line.substr(dash + 3);
        type = next_word(rest);
        best = point.size();
    }
    if (type.empty())
        return fail(Errc::absent, "mountinfo: nothing holds " + std::string(path));
    return std::string(type);
}

Result<std::string> read_fs_type(std::string_view path) {
    TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, "/proc/self/mountinfo", max_text));
    return parse_fs_type(text, path);
}

Result<int> parse_fd_mount(std::string_view fdinfo) {
    while (!fdinfo.empty()) {
        auto line = next_line(fdinfo);
        if (next_word(line) != "mnt_id:")
            continue;
        if (const auto id = to_number<int>(next_word(line)))
            return *id;
    }
    return fail(Errc::absent, "fdinfo: no mnt_id");
}

Result<int> read_fd_mount(pid_t pid, int fd) {
    TRY_ASSIGN(const std::string text, read_proc(pid, "fdinfo/" + std::to_string(fd)));
    return parse_fd_mount(text);
}

Result<std::string> read_fd_link(pid_t pid, int fd) {
    const std::string path = path_of(pid, "fd/" + std::to_string(fd));
    std::array<char, 4096> target{};
    const ssize_t n = ::readlink(path.c_str(), target.data(), target.size());
    if (n < 0)
        return fail_errno(errno, "read link " + path);
    return std::string(target.data(), static_cast<std::size_t>(n));
}

} // namespace lpm::procfs
