// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "images.hpp"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/fd.hpp"
#include "base/text.hpp"
#include "beneath.hpp"

namespace lpm::wake {

// What root may still write there; nothing where the file system has no such figure.
static std::optional<std::uint64_t> free_bytes(int folder) {
    struct statfs fs{};
    if (::fstatfs(folder, &fs) != 0 || fs.f_blocks == 0)
        return std::nullopt;
    return static_cast<std::uint64_t>(fs.f_bavail) * static_cast<std::uint64_t>(fs.f_bsize);
}

static std::unexpected<Error> no_space(std::uint64_t needed, std::uint64_t free) {
    return std::unexpected(Error{Errc::unavailable, ENOSPC,
                                 "no space for the images: they need " + human_size(needed) + ", and " +
                                     human_size(free) + " are free"});
}

static Result<> expect_empty(int folder) {
    TRY_ASSIGN(Fd own, open_beneath(folder, "", O_RDONLY | O_DIRECTORY));
    const Dir dir(::fdopendir(own.get()));
    if (!dir)
        return fail_errno(errno, "read the folder");
    (void)own.release(); // it is of `dir` now
    bool empty = true;
    each_entry(dir, [&](int, const dirent& entry) {
        const std::string_view name = entry.d_name;
        empty = name == "." || name == "..";
        return empty;
    });
    return empty ? Result<>() : fail(Errc::exists, "the folder is not empty");
}

static Result<> write_file(Tar& tar, const Member& member, int folder, const std::string& name) {
    auto file = open_beneath(folder, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    auto done = file ? tar.copy(member, file->get()) : Result<>(std::unexpected(file.error()));
    if (!done)
        return std::unexpected(std::move(done).error().in(member.name));
    return {};
}

// They were judged: what is no image and not spec.dump is passed over.
static Result<> write_members(Tar& tar, int images, int to) {
    for (;;) {
        TRY_ASSIGN(const auto member, tar.next());
        if (!member)
            return {};
        if (const std::string_view name = image_name(*member); !name.empty()) {
            TRY(write_file(tar, *member, images, std::string(name)));
        } else if (member->name == spec_name) {
            TRY(write_file(tar, *member, to, member->name));
        }
    }
}

static Result<> write_all_of_them(int archive, int to) {
    const std::string folder(images_folder);
    if (::mkdirat(to, folder.c_str(), 0700) != 0)
        return fail_errno(errno, "make " + folder);
    TRY_ASSIGN(const Fd images, open_beneath(to, folder, O_RDONLY | O_DIRECTORY));
    if (::fchmod(images.get(), 0700) != 0) // it may have got a bit of its folder's
        return fail_errno(errno, "make " + folder);
    TRY_ASSIGN(const Extent all, whole_file(archive));
    TRY_ASSIGN(Tar tar, Tar::open(archive, all));
    return write_members(tar, images.get(), to);
}

Result<> write_images(int archive, const Contents& contents, int to) {
    TRY(expect_empty(to));
    // A disk that is filled up harms others, even if only until we notice.
    const auto free = free_bytes(to);
    if (free && *free < contents.image_bytes)
        return no_space(contents.image_bytes, *free);
    auto written = write_all_of_them(archive, to);
    if (written)
        return {};
    (void)remove_all(to, std::string(images_folder));
    (void)remove_all(to, std::string(spec_name));
    if (const auto left = free_bytes(to);
        left && (written.error().sys == ENOSPC || written.error().sys == EDQUOT))
        return no_space(contents.image_bytes, *left);
    return written;
}

} // namespace lpm::wake
