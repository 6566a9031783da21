// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "lifecycle/trusted.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/file.hpp"
#include "base/text.hpp"

namespace lpm::lifecycle {

// What is on the way; a link's own mode says nothing.
static Result<mode_t> check_mode(int fd, const std::string& path) {
    struct stat st{};
    if (::fstat(fd, &st) != 0)
        return fail_errno(errno, path);
    const bool writable = !S_ISLNK(st.st_mode) && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0;
    const bool sticky = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) != 0;
    if (st.st_uid != 0 || (writable && !sticky))
        return fail(Errc::denied, path + " can be written by others than root");
    return st.st_mode;
}

static Result<std::string> read_link(int link, const std::string& path) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(link, "", target.data(), target.size());
    if (size < 0)
        return fail_errno(errno, "read link " + path);
    return std::string(target.data(), static_cast<std::size_t>(size));
}

// Name by name, each looked at by the descriptor that the next is opened from.
Result<Fd> open_trusted(const std::string& path) {
    constexpr int max_links = 40; // as the kernel has it
    TRY_ASSIGN(Fd at, open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY));
    TRY(check_mode(at.get(), "/"));
    std::string rest = path;
    for (int links = 0; !rest.empty();) {
        std::string_view left = rest;
        const std::string name(next_part(left, '/'));
        rest = std::string(left);
        if (name.empty())
            continue;
        TRY_ASSIGN(Fd next, open_at(at.get(), name, O_PATH | O_NOFOLLOW));
        std::string what = path;
        what.append(" (").append(name).append(")");
        TRY_ASSIGN(const mode_t mode, check_mode(next.get(), what));
        if (!S_ISLNK(mode)) {
            at = std::move(next);
            continue;
        }
        if (++links > max_links)
            return fail_errno(ELOOP, path);
        TRY_ASSIGN(const std::string target, read_link(next.get(), path));
        rest.insert(0, "/").insert(0, target);
        if (target.starts_with('/')) {
            TRY_ASSIGN(Fd root, open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY));
            at = std::move(root);
        }
    }
    // The same file, to be read; never waited for.
    return open_at(AT_FDCWD, "/proc/self/fd/" + std::to_string(at.get()), O_RDONLY | O_NONBLOCK);
}

} // namespace lpm::lifecycle
