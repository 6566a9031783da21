// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/container_lock.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.hpp"
#include "base/text.hpp"
#include "oci/argv.hpp"

namespace lpm::oci {

bool ContainerLock::try_lock(const std::string& root, const std::string& id) {
    if (folder_ || !valid_id(id.c_str()))
        return true;
    auto folder = open_at(AT_FDCWD, root + "/" + id, O_RDONLY | O_DIRECTORY);
    if (!folder)
        return true;
    if (::flock(folder->get(), LOCK_EX | LOCK_NB) != 0)
        return errno != EWOULDBLOCK;
    folder_ = *std::move(folder);
    return true;
}

// "1: FLOCK  ADVISORY  WRITE 4711 00:1a:1234 0 EOF": device, in hexadecimal, and inode are the sixth word.
bool ContainerLock::is_locked(const std::string& root, const std::string& id) {
    constexpr std::size_t max_locks = std::size_t{4} << 20; // bytes
    struct stat st{};
    if (!valid_id(id.c_str()) || ::stat((root + "/" + id).c_str(), &st) != 0)
        return false;
    const auto locks = read_file(AT_FDCWD, "/proc/locks", max_locks);
    if (!locks)
        return false;
    std::array<char, 64> file{};
    std::snprintf(file.data(), file.size(), "%02x:%02x:%llu", major(st.st_dev), minor(st.st_dev),
                  static_cast<unsigned long long>(st.st_ino));
    std::string_view rest = *locks;
    while (!rest.empty()) {
        std::string_view line = next_line(rest);
        (void)next_word(line);
        if (next_word(line) != "FLOCK")
            continue;
        for (int skipped = 0; skipped < 3; ++skipped)
            (void)next_word(line);
        if (next_word(line) == file.data())
            return true;
    }
    return false;
}

} // namespace lpm::oci
