// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "archive_folder.hpp"

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/text.hpp"

namespace lpm::gate {

static Result<struct stat> stat_of(int fd) {
    struct stat info{};
    if (::fstat(fd, &info) != 0)
        return fail_errno(errno, "stat");
    return info;
}

bool is_roots_alone(const struct stat& info) {
    return info.st_uid == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

namespace {

// Goes along a path as the kernel does, and looks at each folder before it goes on.
class Walk {
  public:
    explicit Walk(const std::string& path) : path_(path), rest_(path) {}

    Result<Fd> go() {
        TRY(begin());
        while (!rest_.empty()) {
            std::string_view rest = rest_;
            const std::string part(next_part(rest, '/'));
            rest_ = std::string(rest);
            if (!part.empty() && part != ".")
                TRY(enter(part));
        }
        return open_at(at_.get(), ".", O_RDONLY | O_DIRECTORY);
    }

  private:
    Result<> begin() {
        TRY_ASSIGN(at_, open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY));
        where_.clear();
        return {};
    }

    Result<> enter(const std::string& part) {
        TRY_ASSIGN(Fd next, open_at(at_.get(), part, O_PATH | O_NOFOLLOW));
        TRY_ASSIGN(const struct stat folder, stat_of(at_.get()));
        TRY_ASSIGN(const struct stat entry, stat_of(next.get()));
        // In /tmp and the like nobody but root removes or renames what is root's.
        const bool sticky = folder.st_uid == 0 && (folder.st_mode & S_ISVTX) != 0 && entry.st_uid == 0;
        if (!is_roots_alone(folder) && !sticky)
            return fail(Errc::denied, "others than root may put another folder in the place of " +
                                          one_line(path_) + ", as " +
                                          (where_.empty() ? "/" : one_line(where_)) +
                                          " is not root's alone: chown root, chmod go-w");
        if (S_ISLNK(entry.st_mode))
            return follow(next.get());
        where_ = part == ".." ? where_.substr(0, where_.rfind('/')) : where_ + "/" + part;
        at_ = std::move(next);
        return {};
    }

    Result<> follow(int link) {
        constexpr int most_links = 40; // as path_resolution(7)
        char target[PATH_MAX];
        const ssize_t size = ::readlinkat(link, "", target, sizeof target);
        if (size < 0)
            return fail_errno(errno, "read a link");
        if (++links_ > most_links || size == sizeof target)
            return fail_errno(ELOOP, "follow links");
        rest_ = std::string(target, static_cast<std::size_t>(size)) + "/" + rest_;
        return rest_.starts_with('/') ? begin() : Result<>();
    }

    const std::string& path_;
    std::string rest_;
    std::string where_; // the place of at_, without links
    Fd at_;
    int links_ = 0;
};

} // namespace

Result<Fd> open_archive_folder(const std::string& path) {
    if (!path.starts_with('/'))
        return fail(Errc::invalid, one_line(path) + " is not absolute: archives.folders in lpm.toml");
    auto folder = Walk(path).go();
    if (!folder && folder.error().code != Errc::denied)
        return std::unexpected(std::move(folder).error().in(one_line(path)));
    TRY_ASSIGN(Fd found, std::move(folder));
    TRY_ASSIGN(const struct stat info, stat_of(found.get()));
    if (!is_roots_alone(info))
        return fail(Errc::denied,
                    "others than root may write in " + one_line(path) + ": chown root, chmod go-w");
    return found;
}

} // namespace lpm::gate
