// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace lpm {

Result<Fd> open_at(int dir, const std::string& path, int flags, mode_t mode) {
    int fd = ::openat(dir, path.c_str(), flags | O_CLOEXEC, mode);
    if (fd < 0)
        return fail_errno(errno, "open " + path);
    return Fd(fd);
}

// At most `limit` + 1 bytes: one more than allowed tells that there are more.
static Result<std::string> read_up_to(int dir, const std::string& path, std::size_t limit) {
    TRY_ASSIGN(const Fd fd, open_at(dir, path, O_RDONLY | O_NONBLOCK));
    struct stat st{};
    if (::fstat(fd.get(), &st) != 0)
        return fail_errno(errno, "stat " + path);
    if (!S_ISREG(st.st_mode))
        return fail(Errc::invalid, path + " is not a regular file");
    // A size of 0 is also what /proc says, so one page is the first guess.
    const std::size_t guess = st.st_size > 0 ? static_cast<std::size_t>(st.st_size) + 1 : 4096;
    std::string out;
    std::size_t used = 0;
    for (;;) {
        if (used == out.size())
            out.resize(std::min(used == 0 ? guess : used * 2, limit + 1));
        const ssize_t n = ::read(fd.get(), out.data() + used, out.size() - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(errno, "read " + path);
        used += static_cast<std::size_t>(n);
        if (n == 0 || used > limit)
            break;
    }
    out.resize(used);
    return out;
}

Result<Fd> open_in_root(int root, const std::string& path, Links links) {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    if (links == Links::none)
        how.resolve |= RESOLVE_NO_SYMLINKS;
    const std::string name = path.empty() ? "." : path;
    const long fd = ::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how);
    if (fd < 0)
        return fail_errno(errno, path);
    return Fd(static_cast<int>(fd));
}

bool same_file(const char* one, const char* other) {
    struct stat first{};
    struct stat second{};
    return ::stat(one, &first) == 0 && ::stat(other, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

Result<std::string> read_file(int dir, const std::string& path, std::size_t limit) {
    auto text = read_up_to(dir, path, limit);
    if (text && text->size() > limit)
        return fail(Errc::unavailable, "read " + path + ": longer than " + std::to_string(limit) + " bytes");
    return text;
}

Result<std::string> read_head(int dir, const std::string& path, std::size_t limit) {
    auto text = read_up_to(dir, path, limit);
    if (text && text->size() > limit)
        text->resize(limit);
    return text;
}

ReadResult read_some(int fd, std::chrono::milliseconds wait, std::size_t limit, std::string& text) {
    std::array<char, 65536> buffer{};
    pollfd poll{fd, POLLIN, 0};
    if (::poll(&poll, 1, static_cast<int>(wait.count())) <= 0)
        return ReadResult::nothing;
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return ReadResult::nothing;
    if (n <= 0)
        return ReadResult::end;
    const auto room = limit - std::min(limit, text.size());
    text.append(buffer.data(), std::min(static_cast<std::size_t>(n), room));
    return ReadResult::some;
}

bool read_until(int fd, const Deadline& deadline, std::size_t limit, std::string& text) {
    for (;;) {
        const auto left = deadline.left();
        if (left.count() == 0)
            return false;
        if (read_some(fd, left, limit, text) == ReadResult::end)
            return true;
    }
}

Result<> write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(errno, "write");
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

static Result<Fd> open_dir_beneath(int dir, const std::string& name) {
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    how.resolve = RESOLVE_NO_SYMLINKS;
    long fd = ::syscall(SYS_openat2, dir, name.c_str(), &how, sizeof how);
    // Kernels before 5.6 and some seccomp profiles have no openat2; one component needs only O_NOFOLLOW.
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        fd = ::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail_errno(errno, "open directory " + name);
    return Fd(static_cast<int>(fd));
}

Result<Fd> make_dirs(int dir, std::string_view path, bool durable) {
    Fd at;
    int base = dir;
    while (!path.empty()) {
        const auto slash = path.find('/');
        const std::string name(path.substr(0, slash));
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
        if (name.empty())
            continue;
        auto next = open_dir_beneath(base, name);
        if (!next && next.error().sys == ENOENT) {
            if (::mkdirat(base, name.c_str(), 0750) != 0 && errno != EEXIST)
                return fail_errno(errno, "make directory " + name);
            // A file that is synced later is of no use in a directory that a power cut takes.
            if (durable && ::fsync(base) != 0)
                return fail_errno(errno, "sync the directory of " + name);
            next = open_dir_beneath(base, name);
            // Whatever the umask of who calls us; a directory that hands its group down goes on doing so.
            struct stat st{};
            if (next && ::fstat(next->get(), &st) == 0)
                (void)::fchmod(next->get(), (st.st_mode & S_ISGID) | 0750U);
        }
        TRY_ASSIGN(at, std::move(next));
        base = at.get();
    }
    if (!at)
        return open_dir_beneath(dir, ".");
    return at;
}

static Result<> copy_range(int from, int to, off_t offset, std::uint64_t count) {
    while (count > 0) {
        ssize_t n = ::sendfile(to, from, &offset, count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(errno, "copy");
        if (n == 0)
            break;
        count -= static_cast<std::uint64_t>(n);
    }
    return {};
}

Result<std::uint64_t> copy_bounded(int from, int dir, const std::string& name, std::uint64_t limit) {
    struct stat st{};
    if (::fstat(from, &st) != 0)
        return fail_errno(errno, "stat source of " + name);
    if (!S_ISREG(st.st_mode))
        return fail(Errc::invalid, "copy to " + name + ": not a regular file");
    const auto size = static_cast<std::uint64_t>(st.st_size);
    TRY_ASSIGN(Fd to, open_at(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0640));
    if (size <= limit) {
        TRY(copy_range(from, to.get(), 0, size));
        return size;
    }
    const std::uint64_t head = limit / 4;
    const std::uint64_t tail = limit - head;
    TRY(copy_range(from, to.get(), 0, head));
    TRY(write_all(to.get(), "\n[lpm: " + std::to_string(size - limit) + " bytes left out]\n"));
    TRY(copy_range(from, to.get(), static_cast<off_t>(size - tail), tail));
    return size;
}

std::string file_key(const std::string& path) {
    struct stat st{};
    if (path.empty() || ::stat(path.c_str(), &st) != 0)
        return {};
    const auto mtime = st.st_mtim.tv_sec * 1'000'000'000LL + st.st_mtim.tv_nsec;
    return std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino) + ":" + std::to_string(mtime);
}

} // namespace lpm
