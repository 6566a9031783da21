// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "crio/drop_in_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "base/deadline.hpp"
#include "base/dir.hpp"
#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "config/crio_file.hpp"
#include "crio/drop_in.hpp"

namespace lpm::crio {

// Of one that may be written as /etc/crio/crio.conf.d/.
static std::string folder_above(std::string_view folder) {
    while (folder.ends_with('/'))
        folder.remove_suffix(1);
    return std::filesystem::path(folder).parent_path();
}

static constexpr mode_t readable = 0644;
static constexpr char name[] = "zz-lpm.conf";
static constexpr char draft[] = "zz-lpm.conf.draft";
static constexpr char backup[] = "zz-lpm.conf.before";
static_assert(drop_in_name == name);

// Of processes that were killed: nobody else has the lock.
static void remove_drafts(int above) {
    std::vector<std::string> found;
    each_entry(above, [&](int, const dirent& entry) {
        const std::string_view one = entry.d_name;
        for (const std::string of : {draft, backup})
            if (one.starts_with("." + of + ".") && one.contains(".tmp."))
                found.emplace_back(one);
        return true;
    });
    found.emplace_back(draft);
    for (const auto& one : found)
        ::unlinkat(above, one.c_str(), 0);
}

// A file of root's: whoever can open one can lock it, and /etc/crio is for everybody to read.
static Result<Fd> lock() {
    using namespace std::chrono_literals;
    constexpr mode_t own = 0600;
    constexpr auto patience = 2s; // a trigger of packages asks beside an administrator
    TRY_ASSIGN(const Fd top, open_at(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(const Fd run, make_dirs(top.get(), std::string_view(paths::run_dir).substr(1)));
    TRY_ASSIGN(Fd file, open_at(run.get(), "node.lock", O_RDWR | O_CREAT | O_NOFOLLOW, own));
    const Deadline deadline(patience);
    while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return fail_errno(errno, std::string("lock ") + paths::run_dir + "/node.lock");
        if (deadline.passed())
            return fail(Errc::busy, "another lpmctl is at work on this node: try again when it has ended");
        std::this_thread::sleep_for(20ms);
    }
    return file;
}

Result<DropInFile> DropInFile::open(const std::string& folder) {
    constexpr mode_t enterable = 0755;
    TRY_ASSIGN(Fd above, open_at(AT_FDCWD, folder_above(folder), O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(Fd locked, lock());
    if (::mkdir(folder.c_str(), enterable) != 0 && errno != EEXIST)
        return fail_errno(errno, "make " + folder);
    TRY_ASSIGN(Fd opened, open_at(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY));
    remove_drafts(above.get());
    return DropInFile(folder, std::move(locked), std::move(above), std::move(opened));
}

Result<> DropInFile::publish(std::string_view text) {
    TRY(replace_file(above_.get(), draft, text, readable));
    if (::renameat(above_.get(), draft, folder_.get(), name) != 0) {
        const int error = errno;
        ::unlinkat(above_.get(), draft, 0);
        return fail_errno(error, "publish " + drop_in_path(path_));
    }
    TRY(sync_dir(folder_.get()));
    return sync_dir(above_.get());
}

Result<> DropInFile::remove() {
    if (::unlinkat(folder_.get(), name, 0) != 0)
        return fail_errno(errno, "remove " + drop_in_path(path_));
    return sync_dir(folder_.get());
}

Result<std::string> DropInFile::keep(std::string_view text) {
    constexpr unsigned most = 100;
    for (unsigned number = 0; number < most; ++number) {
        const std::string file = number == 0 ? backup : std::string(backup) + "." + std::to_string(number);
        const auto there = read_file(above_.get(), file, config::max_crio_file);
        if (!there && there.error().code == Errc::absent)
            TRY(replace_file(above_.get(), file, text, readable));
        else if (!there || *there != text)
            continue; // what somebody else has written, and nobody keeps twice
        return folder_above(path_) + "/" + file;
    }
    return fail(Errc::exists,
                folder_above(path_) + "/" + backup + " and its like are too many: remove what nobody needs");
}

std::string drop_in_path(const std::string& folder) {
    return folder + "/" + name;
}

Result<std::optional<std::string>> read_drop_in(const std::string& folder) {
    auto text = read_file(AT_FDCWD, drop_in_path(folder), config::max_crio_file);
    if (text)
        return std::optional(*std::move(text));
    if (text.error().code == Errc::absent)
        return std::optional<std::string>();
    return std::unexpected(std::move(text).error());
}

} // namespace lpm::crio
