// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <sys/stat.h>

#include "base/text.hpp"
#include "inspect/facts.hpp"
#include "inspect/images.hpp"

namespace lpm::inspect {

static constexpr std::size_t max_entries = 100'000;

// What it is that no image can be; empty for a file. The images of one checkpoint are files of one directory:
// a link to another place makes CRIU, which is root, read something there as memory.
static std::string oddity(const criu::ImageSource& source, const criu::ImageFile& file) {
    mode_t mode = file.mode;
    if (S_ISLNK(mode)) {
        if (file.link.contains('/') || file.link == "..")
            return "a link to " + one_line(file.link, 80);
        const auto next = source.find(file.link);
        if (next && S_ISLNK(next->mode)) // which may lead out
            return "a link to a link";
        if (!next)
            return {}; // to nothing: as if it were not there
        mode = next->mode;
    }
    return S_ISREG(mode)    ? std::string()
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISDIR(mode)  ? "a folder"
                            : "a device or a socket";
}

static std::string owner_to_doubt(const criu::ImageFile& file) {
    if (file.uid != 0)
        return "of user " + std::to_string(file.uid);
    if ((file.mode & S_IWOTH) != 0 || ((file.mode & S_IWGRP) != 0 && file.gid != 0))
        return "others may write it";
    return {};
}

static bool is_image(std::string_view name) {
    return name.ends_with(".img") || name == "descriptors.json" || name == record::manifest_file;
}

void look_at_image_files(const Facts& facts, const criu::ImageSource& source, Target& target) {
    std::vector<std::string> odd;
    std::vector<std::string> open;
    const auto own = source.find(".");
    if (!own)
        return;
    if (const auto why = owner_to_doubt(*own); !why.empty() && (own->mode & S_ISVTX) == 0)
        open.push_back("the directory (" + why + ")");
    std::size_t seen = 0;
    const bool read = source.each_name([&](const std::string& name) {
        if (++seen > max_entries || facts.deadline->passed())
            return false;
        const auto file = is_image(name) ? source.find(name) : std::nullopt;
        if (!file)
            return true;
        if (const auto what = oddity(source, *file); !what.empty() && odd.size() < max_named)
            odd.push_back(one_line(name, 80) + " (" + what + ")");
        if (const auto why = owner_to_doubt(*file);
            !why.empty() && !S_ISLNK(file->mode) && open.size() < max_named)
            open.push_back(one_line(name, 80) + " (" + why + ")");
        return true;
    });
    if (!read || seen > max_entries || facts.deadline->passed())
        return;
    target.odd_images = std::move(odd);
    target.open_images = std::move(open);
}

} // namespace lpm::inspect
