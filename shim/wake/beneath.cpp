// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "beneath.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/dir.hpp"

namespace lpm::wake {

static constexpr unsigned max_depth = 500; // each has a descriptor
static constexpr unsigned max_removed = 4'000'000;

Result<Fd> open_beneath(int root, const std::string& path, int flags, mode_t mode) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags) | O_CLOEXEC | O_NOFOLLOW;
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    const long fd = ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how);
    if (fd < 0)
        return fail_errno(errno, "open " + path);
    return Fd(static_cast<int>(fd));
}

bool is_in_the_way(const Error& error) {
    return error.sys == ELOOP || error.sys == ENOTDIR || error.sys == EXDEV;
}

std::pair<std::string_view, std::string_view> split_path(std::string_view path) {
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos)
        return {std::string_view(), path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

namespace {

class Removing {
  public:
    Result<> remove(int folder, const std::string& name, unsigned depth) {
        if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT)
            return count(name);
        if (errno != EISDIR)
            return fail_errno(errno, "remove " + name);
        if (depth == max_depth)
            return fail(Errc::unavailable, "remove " + name + ": it lies too deep");
        TRY_ASSIGN(Fd inside, open_beneath(folder, name, O_RDONLY | O_DIRECTORY));
        TRY(empty(std::move(inside), depth));
        if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0)
            return fail_errno(errno, "remove " + name);
        return count(name);
    }

  private:
    Result<> empty(Fd folder, unsigned depth) {
        const Dir dir(::fdopendir(folder.get()));
        if (!dir)
            return fail_errno(errno, "read a folder");
        (void)folder.release(); // it is of `dir` now
        Result<> result;
        each_entry(dir, [&](int at, const dirent& entry) {
            const std::string name = entry.d_name;
            if (name != "." && name != "..")
                result = remove(at, name, depth + 1);
            return result.has_value();
        });
        return result;
    }

    Result<> count(const std::string& name) {
        if (++removed_ > max_removed)
            return fail(Errc::unavailable, "remove " + name + ": there is too much to remove");
        return {};
    }

    unsigned removed_ = 0;
};

} // namespace

Result<> remove_all(int folder, const std::string& name) {
    return Removing().remove(folder, name, 0);
}

} // namespace lpm::wake
