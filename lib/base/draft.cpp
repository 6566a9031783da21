// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/draft.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.hpp"

namespace lpm {

Draft::Draft(int dir, const std::string& name)
    : dir_(dir), name_(name), temp_("." + name + ".tmp." + std::to_string(::getpid())) {}

Result<Draft> Draft::make(int dir, const std::string& name, mode_t mode) {
    Draft draft(dir, name);
    ::unlinkat(dir, draft.temp_.c_str(), 0);
    TRY_ASSIGN(draft.file_, open_at(dir, draft.temp_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
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
    }
    return *this;
}

void Draft::discard() {
    if (file_)
        ::unlinkat(dir_, temp_.c_str(), 0);
    file_.reset();
}

Result<> Draft::reserve(std::size_t size) {
    TRY(write_all(file_.get(), std::string(size, ' ')));
    if (::fsync(file_.get()) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0)
        return fail_errno(errno, "fsync " + temp_);
    reserved_ = size;
    return {};
}

Result<> Draft::write(std::string_view bytes, Sync sync) {
    TRY(write_all(file_.get(), bytes));
    if (sync != Sync::none && ::fdatasync(file_.get()) != 0)
        return fail_errno(errno, "fsync " + temp_);
    // The blanks behind the content go after the sync, which they would make a matter of the journal again.
    if (bytes.size() < reserved_ && ::ftruncate(file_.get(), static_cast<off_t>(bytes.size())) != 0)
        return fail_errno(errno, "truncate " + temp_);
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
