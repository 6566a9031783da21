// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/result.hpp"

// Readers of /proc. Each has a parser of its own that takes text, so that it can be fuzzed.
namespace lpm::procfs {

struct Stat {
    char state = '?';        // R S D T t Z X I
    std::uint64_t start = 0; // clock ticks after boot
};
[[nodiscard]] Result<Stat> parse_stat(std::string_view text);
[[nodiscard]] Result<Stat> read_stat(pid_t pid);

// Sizes in bytes, from status: never smaps, whose walk of a big process takes seconds.
struct Memory {
    std::uint64_t anon = 0;  // RssAnon
    std::uint64_t shmem = 0; // RssShmem
    std::uint64_t swap = 0;  // VmSwap: anonymous pages only
};
[[nodiscard]] Memory parse_memory(std::string_view status);
[[nodiscard]] Result<Memory> read_memory(pid_t pid);

// Mount ids of /proc/PID/mountinfo, sorted.
[[nodiscard]] std::vector<int> parse_mount_ids(std::string_view mountinfo);
[[nodiscard]] Result<std::vector<int>> read_mount_ids(pid_t pid);

// Type of the file system that holds `path` (absolute), from mountinfo: without touching the path.
[[nodiscard]] Result<std::string> parse_fs_type(std::string_view mountinfo, std::string_view path);
[[nodiscard]] Result<std::string> read_fs_type(std::string_view path);

// `mnt_id` of fdinfo; Errc::absent when the line is missing.
[[nodiscard]] Result<int> parse_fd_mount(std::string_view fdinfo);
[[nodiscard]] Result<int> read_fd_mount(pid_t pid, int fd);

// What /proc/PID/fd/N points at: a path, or "pipe:[1234]".
[[nodiscard]] Result<std::string> read_fd_link(pid_t pid, int fd);

} // namespace lpm::procfs
