// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/draft.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/text.hpp"

namespace lpm {

std::string draft_name(const std::string& name, pid_t pid) {
    return "." + name + ".tmp." + std::to_string(pid);
}

bool is_left_draft(std::string_view name) {
    const auto pid = to_number<pid_t>(name.substr(name.rfind('.') + 1));
    return name.starts_with('.') && name.contains(".tmp.") && pid && *pid > 0 && ::kill(*pid, 0) != 0 &&
           errno == ESRCH;
}

Draft::Draft(int dir, const std::string& name)
    : dir_(dir), name_(name), temp_(draft_name(name, ::getpid())) {}

Result<Draft> Draft::make(int dir, const std::string& name, mode_t mode) {
    Draft draft(dir, name);
    ::unlinkat(dir, draft.temp_.c_str(), 0);
    TRY_ASSIGN(draft.file_, open_at(dir, draft.temp_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    draft.named_ = true;
    // The caller's umask is not ours to change, so the mode is set on the open file.
    if (::fchmod(draft.file_.get(), mode) != 0)
        return fail_errno(errno, "chmod " + draft.temp_);
    return draft;
}

Draft& Draft::operator=(Draft&& other) noexcept {
    if (this != &other) {
        discard();
        dir_ = other.dir_;
        file_ = std::move(other.file_);
        name_ = std::move(other.name_);
        temp_ = std::move(other.temp_);
        reserved_ = other.reserved_;
        named_ = other.named_;
    }
    return *this;
}

void Draft::discard() {
    if (file_ && named_)
        ::unlinkat(dir_, temp_.c_str(), 0);
    file_.reset();
}

Result<Draft> Draft::make_ahead(int dir, const std::string& name, mode_t mode, std::size_t size) {
    Draft draft(dir, name);
    TRY_ASSIGN(draft.file_, open_at(dir, ".", O_WRONLY | O_TMPFILE, mode));
    const int file = draft.file_.get();
    if (::fchmod(file, mode) != 0)
        return fail_errno(errno, "chmod " + draft.temp_);
    TRY(write_all(file, std::string(size, ' ')));
    if (::fsync(file) != 0 || ::lseek(file, 0, SEEK_SET) != 0)
        return fail_errno(errno, "fsync " + draft.temp_);
    draft.reserved_ = size;
    return draft;
}

Result<> Draft::give_name() {
    ::unlinkat(dir_, temp_.c_str(), 0);
    const std::string self = "/proc/self/fd/" + std::to_string(file_.get());
    if (::linkat(AT_FDCWD, self.c_str(), dir_, temp_.c_str(), AT_SYMLINK_FOLLOW) != 0)
        return fail_errno(errno, "link " + temp_);
    named_ = true;
    return {};
}

Result<> Draft::write(std::string_view bytes, Sync sync) {
    TRY(write_all(file_.get(), bytes));
    if (sync != Sync::none && ::fdatasync(file_.get()) != 0)
        return fail_errno(errno, "fsync " + temp_);
    // The blanks behind the content go after the sync, which they would make a matter of the journal again.
    if (bytes.size() < reserved_ && ::ftruncate(file_.get(), static_cast<off_t>(bytes.size())) != 0)
        return fail_errno(errno, "truncate " + temp_);
    if (!named_)
        TRY(give_name());
    if (::renameat(dir_, temp_.c_str(), dir_, name_.c_str()) != 0)
        return fail_errno(errno, "rename " + temp_);
    return {};
}

Result<> Draft::publish(std::string_view bytes, Sync sync) {
    if (auto done = write(bytes, sync); !done) {
        discard();
        return std::unexpected(std::move(done).error().in("publish " + name_));
    }
    file_.reset();
    return sync == Sync::all ? sync_dir(dir_) : Result<>{};
}

Result<> replace_file(int dir, const std::string& name, std::string_view bytes, mode_t mode, Sync sync) {
    auto draft = Draft::make(dir, name, mode);
    if (!draft)
        return std::unexpected(std::move(draft).error().in("publish " + name));
    return draft->publish(bytes, sync);
}

Result<> sync_dir(int dir) {
    if (::fsync(dir) != 0)
        return fail_errno(errno, "sync directory");
    return {};
}

} // namespace lpm
