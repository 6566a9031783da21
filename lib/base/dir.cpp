// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/dir.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace lpm {

std::optional<DirUsage> read_dir_usage(const std::string& path) {
    DirUsage usage;
    int entries = 0;
    const bool opened = each_entry(path, [&](int dir, const dirent& entry) {
        struct stat st{};
        if (::fstatat(dir, entry.d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            usage.size += static_cast<std::uint64_t>(st.st_size);
            usage.disk += static_cast<std::uint64_t>(st.st_blocks) * 512;
        }
        return ++entries < 100'000;
    });
    return opened ? std::optional(usage) : std::nullopt;
}

} // namespace lpm
