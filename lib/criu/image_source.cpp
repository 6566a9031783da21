// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/image_source.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/file.hpp"

namespace lpm::criu {

// The kernel's words for a missing file are among those that callers take for another error.
static Result<std::string> or_missing(Result<std::string> bytes, const std::string& name) {
    if (!bytes && bytes.error().sys == ENOENT)
        return fail(Errc::absent, name + " is missing");
    return bytes;
}

Result<ImageDirectory> ImageDirectory::open(const std::string& path) {
    TRY_ASSIGN(Fd dir, open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
    return ImageDirectory(std::move(dir));
}

Result<std::string> ImageDirectory::read(const std::string& name) const {
    return or_missing(read_file(dir_.get(), name, max_image), name);
}

Result<std::string> ImageDirectory::read_head(const std::string& name, std::size_t limit) const {
    return or_missing(lpm::read_head(dir_.get(), name, limit), name);
}

std::optional<std::uint64_t> ImageDirectory::size(const std::string& name) const {
    struct stat st{};
    if (::fstatat(dir_.get(), name.c_str(), &st, 0) != 0)
        return std::nullopt;
    return static_cast<std::uint64_t>(st.st_size);
}

std::optional<ImageFile> ImageDirectory::find(const std::string& name) const {
    struct stat st{};
    if (::fstatat(dir_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return std::nullopt;
    ImageFile file{.mode = st.st_mode, .uid = st.st_uid, .gid = st.st_gid, .link = {}};
    if (!S_ISLNK(st.st_mode))
        return file;
    std::array<char, 256> target{};
    const auto length = ::readlinkat(dir_.get(), name.c_str(), target.data(), target.size());
    file.link.assign(target.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
    return file;
}

bool ImageDirectory::each_name(const std::function<bool(const std::string& name)>& visit) const {
    return each_entry(dir_.get(), [&](int, const dirent& entry) {
        const std::string name = entry.d_name;
        return name == "." || name == ".." || visit(name);
    });
}

} // namespace lpm::criu
