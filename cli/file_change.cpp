// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "file_change.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "base/draft.hpp"
#include "base/file.hpp"
#include "diff.hpp"
#include "output.hpp"

namespace lpm::cli {

static Result<> take_away(const std::filesystem::path& path) {
    if (::unlink(path.c_str()) != 0)
        return fail_errno(errno, "remove " + path.string());
    (void)::rmdir(path.parent_path().c_str()); // others may have files there
    return {};
}

Result<> write(const FileChange& change) {
    constexpr mode_t readable = 0644;
    constexpr mode_t permissions = 07777;
    if (change.after.empty())
        return take_away(change.path);
    std::error_code none;
    const std::filesystem::path path = std::filesystem::weakly_canonical(change.path, none);
    std::filesystem::create_directories(path.parent_path(), none);
    struct stat info{};
    const mode_t mode = ::stat(path.c_str(), &info) == 0 ? info.st_mode & permissions : readable;
    TRY_ASSIGN(const Fd dir, open_at(AT_FDCWD, path.parent_path(), O_RDONLY | O_DIRECTORY));
    return replace_file(dir.get(), path.filename(), change.after, mode);
}

void show(const FileChange& change) {
    constexpr const char* nothing = "/dev/null";
    print("--- " + (change.before.empty() ? nothing : change.path) + "\n+++ " +
          (change.after.empty() ? nothing : change.path));
    std::fputs(diff_of(change.before, change.after).c_str(), stdout);
}

} // namespace lpm::cli
