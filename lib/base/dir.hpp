// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>

namespace lpm {

using Dir = std::unique_ptr<DIR, decltype([](DIR* dir) { ::closedir(dir); })>;

// Calls visit(int dir, const dirent&) for each entry of the directory until it returns false. False when the
// directory cannot be opened.
template <class Visit> bool each_entry(const Dir& dir, Visit visit) {
    if (!dir)
        return false;
    while (const dirent* entry = ::readdir(dir.get()))
        if (!visit(::dirfd(dir.get()), *entry))
            break;
    return true;
}
template <class Visit> bool each_entry(const std::string& path, Visit visit) {
    return each_entry(Dir(::opendir(path.c_str())), std::move(visit));
}
// `dir` is open; where it was read to does not matter.
template <class Visit> bool each_entry(int dir, Visit visit) {
    const int own = ::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    Dir open(own < 0 ? nullptr : ::fdopendir(own));
    if (!open && own >= 0)
        ::close(own);
    return each_entry(open, std::move(visit));
}

// Regular files directly in a directory: their sizes, and what they take up on the disk, in bytes.
struct DirUsage {
    std::uint64_t size = 0;
    std::uint64_t disk = 0;
};
// Nothing when the directory cannot be read. Stops after 100,000 entries.
[[nodiscard]] std::optional<DirUsage> read_dir_usage(const std::string& path);

} // namespace lpm
