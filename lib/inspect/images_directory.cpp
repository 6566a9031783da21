// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <sys/stat.h>

#include "inspect/images_parts.hpp"

namespace lpm::inspect {

static constexpr std::size_t max_entries = 100'000;

static ForeignImage::Kind kind_of(mode_t mode) {
    return S_ISFIFO(mode)  ? ForeignImage::Kind::pipe
           : S_ISDIR(mode) ? ForeignImage::Kind::folder
                           : ForeignImage::Kind::special;
}

// Nothing when it is a file. The images of one checkpoint are files of one directory: a link to another place
// makes CRIU, which is root, read something there as memory.
static std::optional<ForeignImage> find_foreign(const criu::ImageSource& source, const std::string& name,
                                                const criu::ImageFile& file) {
    mode_t mode = file.mode;
    if (S_ISLNK(mode)) {
        if (file.link.contains('/') || file.link == "..")
            return ForeignImage{ForeignImage::Kind::link, name, file.link};
        const auto next = source.find(file.link);
        if (!next) // to nothing: as if it were not there
            return std::nullopt;
        if (S_ISLNK(next->mode)) // which may lead out
            return ForeignImage{ForeignImage::Kind::link_to_link, name};
        mode = next->mode;
    }
    if (S_ISREG(mode))
        return std::nullopt;
    return ForeignImage{kind_of(mode), name};
}

// Nothing when only root can write it.
static std::optional<WritableImage> find_writable(const std::string& name, const criu::ImageFile& file) {
    if (file.uid != 0)
        return WritableImage{name, file.uid};
    if ((file.mode & S_IWOTH) != 0 || ((file.mode & S_IWGRP) != 0 && file.gid != 0))
        return WritableImage{name};
    return std::nullopt;
}

static bool is_image(std::string_view name) {
    return name.ends_with(".img") || name == "descriptors.json" || name == record::manifest_file;
}

void inspect_image_files(const criu::ImageSource& source, const Deadline& deadline, ImageFacts& facts) {
    std::vector<ForeignImage> foreign;
    std::vector<WritableImage> writable;
    const auto directory = source.find(".");
    if (!directory)
        return;
    if (auto found = find_writable("", *directory); found && (directory->mode & S_ISVTX) == 0)
        writable.push_back(*std::move(found));
    std::size_t seen = 0;
    const bool read = source.each_name([&](const std::string& name) {
        if (++seen > max_entries || deadline.passed())
            return false;
        const auto file = is_image(name) ? source.find(name) : std::nullopt;
        if (!file)
            return true;
        if (auto found = find_foreign(source, name, *file); found && foreign.size() < max_named)
            foreign.push_back(*std::move(found));
        if (auto found = S_ISLNK(file->mode) ? std::nullopt : find_writable(name, *file);
            found && writable.size() < max_named)
            writable.push_back(*std::move(found));
        return true;
    });
    if (!read || seen > max_entries || deadline.passed())
        return;
    facts.foreign_images = std::move(foreign);
    facts.writable_images = std::move(writable);
}

} // namespace lpm::inspect
