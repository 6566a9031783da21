// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "rootfs.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "beneath.hpp"

namespace lpm::wake {

static std::unexpected<Error> fail_put(int err, const Member& member) {
    return fail_errno(err, "put " + member.name);
}

// What the archive wants and this root file system cannot have is the archive's fault.
static std::unexpected<Error> blame(Error error) {
    if (is_in_the_way(error))
        return fail(Errc::invalid, error.text + ": a link or a file is in the way");
    return std::unexpected(std::move(error));
}

// Others are the node's matter (trusted.overlay.*, security.selinux), or a file system's.
static bool is_kept(std::string_view attribute) {
    return attribute == "security.capability" ||
           (attribute.starts_with("user.") && attribute.size() > std::string_view("user.").size());
}

static Result<> set_attributes(const Member& member, int fd) {
    for (const auto& [name, value] : member.attributes) {
        if (!is_kept(name) || ::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0)
            continue;
        if (errno == EINVAL || errno == ERANGE || errno == E2BIG)
            return fail(Errc::invalid, member.name + " has an extended attribute that cannot be: " + name);
        if (errno != EOPNOTSUPP)
            return fail_errno(errno, "set " + name + " of " + member.name);
    }
    return {};
}

// The mode comes after the owner, as a change of that takes set-uid bits and capabilities away.
static Result<> set_owner_and_mode(const Member& member, int fd) {
    if (::fchown(fd, member.uid, member.gid) != 0 || ::fchmod(fd, member.mode) != 0)
        return fail_put(errno, member);
    return set_attributes(member, fd);
}

static Result<> set_time(const Member& member, int fd) {
    const timespec times[] = {member.modified, member.modified};
    return ::futimens(fd, times) == 0 ? Result<>() : fail_put(errno, member);
}

static Result<> put_file(const Member& member, Tar& tar, int parent, const std::string& name) {
    TRY(remove_all(parent, name));
    TRY_ASSIGN(const Fd file, open_beneath(parent, name, O_WRONLY | O_CREAT | O_EXCL, 0600));
    if (auto copied = tar.copy(member, file.get()); !copied)
        return std::unexpected(std::move(copied).error().in("put " + member.name));
    TRY(set_owner_and_mode(member, file.get()));
    return set_time(member, file.get());
}

static Result<> put_fifo(const Member& member, int parent, const std::string& name) {
    TRY(remove_all(parent, name));
    if (::mknodat(parent, name.c_str(), S_IFIFO | 0600, 0) != 0)
        return fail_put(errno, member);
    TRY_ASSIGN(const Fd fifo, open_beneath(parent, name, O_RDONLY | O_NONBLOCK)); // waits for no writer
    TRY(set_owner_and_mode(member, fifo.get()));
    return set_time(member, fifo.get());
}

static Result<> put_link(const Member& member, int parent, const std::string& name) {
    TRY(remove_all(parent, name));
    const timespec times[] = {member.modified, member.modified};
    if (::symlinkat(member.target.c_str(), parent, name.c_str()) != 0 ||
        ::fchownat(parent, name.c_str(), member.uid, member.gid, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_put(errno, member);
    return {};
}

static bool is_file_at(int folder, const std::string& name) {
    struct stat st{};
    return ::fstatat(folder, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static Result<> put_hard_link(int root, const Member& member, int parent, const std::string& name) {
    const auto [path, target] = split_path(member.target);
    const auto from = open_beneath(root, std::string(path), O_PATH | O_DIRECTORY);
    if (!from)
        return blame(from.error());
    if (!is_file_at(from->get(), std::string(target)))
        return fail(Errc::invalid, member.name + " is a hard link to a file that is not there");
    TRY(remove_all(parent, name));
    if (::linkat(from->get(), std::string(target).c_str(), parent, name.c_str(), 0) != 0)
        return fail_put(errno, member);
    return {};
}

bool Rootfs::has_file(const std::string& path) const {
    const auto [folder, name] = split_path(path);
    const auto parent = open_beneath(root_, std::string(folder), O_PATH | O_DIRECTORY);
    return parent && is_file_at(parent->get(), std::string(name));
}

// Engines make what a layer leaves out: root's, mode 0755.
Result<Fd> Rootfs::make_folders(const std::string& path) {
    auto folder = open_beneath(root_, path, O_RDONLY | O_DIRECTORY);
    if (folder || folder.error().sys != ENOENT || path.empty())
        return folder;
    const auto [above, name] = split_path(path);
    TRY_ASSIGN(const Fd parent, make_folders(std::string(above)));
    if (::mkdirat(parent.get(), std::string(name).c_str(), 0755) != 0)
        return fail_errno(errno, "make " + path);
    return open_beneath(parent.get(), std::string(name), O_RDONLY | O_DIRECTORY);
}

Result<int> Rootfs::parent_of(const std::string& path) {
    const std::string folder(split_path(path).first);
    if (!parent_ || parent_->first != folder) {
        auto made = make_folders(folder);
        if (!made)
            return blame(std::move(made).error());
        parent_.emplace(folder, *std::move(made));
    }
    return parent_->second.get();
}

Result<> Rootfs::put_folder(const Member& member, int parent, const std::string& name) {
    struct stat st{};
    const bool there = name.empty() || (::fstatat(parent, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                                        S_ISDIR(st.st_mode));
    if (!there) {
        TRY(remove_all(parent, name));
        if (::mkdirat(parent, name.c_str(), 0700) != 0)
            return fail_put(errno, member);
    }
    auto folder = open_beneath(parent, name, O_RDONLY | O_DIRECTORY);
    if (!folder)
        return blame(std::move(folder).error());
    TRY(set_owner_and_mode(member, folder->get()));
    folders_.emplace_back(member.name, member.modified);
    return {};
}

Result<> Rootfs::put(const Member& member, Tar& tar) {
    TRY_ASSIGN(const int parent, parent_of(member.name));
    const std::string name(split_path(member.name).second);
    switch (member.kind) {
    case Member::Kind::folder:
        return put_folder(member, parent, name);
    case Member::Kind::file:
        return put_file(member, tar, parent, name);
    case Member::Kind::link:
        return put_link(member, parent, name);
    case Member::Kind::hard_link:
        return put_hard_link(root_, member, parent, name);
    case Member::Kind::fifo:
        return put_fifo(member, parent, name);
    case Member::Kind::other:
        break;
    }
    return fail(Errc::invalid, member.name + " is a device or a socket");
}

Result<> Rootfs::finish_folders() {
    for (const auto& [path, modified] : folders_) {
        auto folder = open_beneath(root_, path, O_RDONLY | O_DIRECTORY);
        if (!folder)
            return blame(std::move(folder).error());
        const timespec times[] = {modified, modified};
        if (::futimens(folder->get(), times) != 0)
            return fail_errno(errno, "set the time of " + path);
    }
    return {};
}

Result<> Rootfs::apply(int archive, Extent where) {
    TRY_ASSIGN(Tar tar, Tar::open(archive, where));
    for (;;) {
        TRY_ASSIGN(const auto member, tar.next());
        if (!member)
            break;
        TRY(put(*member, tar));
    }
    parent_.reset();
    return finish_folders();
}

Result<> Rootfs::remove(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
        const auto [folder, name] = split_path(path);
        const auto parent = open_beneath(root_, std::string(folder), O_RDONLY | O_DIRECTORY);
        // Where its folder is gone, or has become a link or a file, nothing is left of it.
        if (!parent && (parent.error().sys == ENOENT || is_in_the_way(parent.error())))
            continue;
        if (!parent)
            return std::unexpected(parent.error());
        TRY(remove_all(parent->get(), std::string(name)));
    }
    return {};
}

} // namespace lpm::wake
