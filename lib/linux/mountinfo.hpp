// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/result.hpp"

// /proc/PID/mountinfo.
namespace lpm::procfs {

struct Mount {
    int id = 0;
    int parent = 0;
    dev_t device = 0;    // st_dev of files in it (not for btrfs)
    std::string root{};  // of the mount within its file system
    std::string point{}; // as the process sees it; \040 and its like are decoded
    int shared = 0;      // peer group, 0 for none
    int master = 0;      // peer group it is a slave of
    bool no_exec = false;
    std::string type{};
    std::string source{};
    std::string overlay{}; // of an overlay: the options of its file system, as they stand in the file
};
// In the order of the file. Lines that are broken are left out.
[[nodiscard]] std::vector<Mount> parse_mountinfo(std::string_view text);
[[nodiscard]] Result<std::vector<Mount>> read_mountinfo(pid_t pid); // 0: our own

// What an overlay is made of; empty for other file systems. Paths are the mounter's: absolute, or relative to
// a folder that only it knows.
struct Layers {
    std::string upper{};
    std::vector<std::string> lowers{}; // the topmost first
};
[[nodiscard]] Layers layers_of(const Mount& mount);

// The mount that holds `path` (absolute), without touching the path; nullptr when there is none.
[[nodiscard]] const Mount* mount_of(const std::vector<Mount>& mounts, std::string_view path);

} // namespace lpm::procfs
