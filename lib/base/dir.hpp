// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <dirent.h>
#include <memory>
#include <optional>
#include <string>

namespace lpm {

// Calls visit(int dir, const dirent&) for each entry of the directory until it returns false. False when the
// directory cannot be opened.
template <class Visit> bool each_entry(const std::string& path, Visit visit) {
    const std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })> open(::opendir(path.c_str()));
    if (!open)
        return false;
    while (const dirent* entry = ::readdir(open.get()))
        if (!visit(::dirfd(open.get()), *entry))
            break;
    return true;
}

// Regular files directly in a directory: their sizes, and what they take up on the disk, in bytes.
struct DirUsage {
    std::uint64_t size = 0;
    std::uint64_t disk = 0;
};
// Nothing when the directory cannot be read. Stops after 100,000 entries.
[[nodiscard]] std::optional<DirUsage> read_dir_usage(const std::string& path);

} // namespace lpm
