// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <array>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/text.hpp"
#include "inspect/facts.hpp"
#include "inspect/images.hpp"

namespace lpm::inspect {

static constexpr std::size_t max_entries = 100'000;

// What is odd about where a link leads: out of the directory, or to one more link, which may. The images of
// one checkpoint are files of one directory: a link to another place makes CRIU, which is root, read
// something there as memory.
static std::string odd_target(int dir, const char* name) {
    std::array<char, 256> target{};
    const auto length = ::readlinkat(dir, name, target.data(), target.size());
    const std::string_view text(target.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
    if (text.find('/') != std::string_view::npos || text == "..")
        return one_line(text, 80);
    struct stat next{};
    const bool again =
        ::fstatat(dir, std::string(text).c_str(), &next, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(next.st_mode);
    return again ? "a link" : "";
}

// What it is that no image can be; empty for a file.
static std::string oddity(int dir, const char* name, const struct stat& entry) {
    struct stat target = entry;
    if (S_ISLNK(entry.st_mode)) {
        if (const auto place = odd_target(dir, name); !place.empty())
            return "a link to " + place;
        if (::fstatat(dir, name, &target, 0) != 0)
            return {}; // to nothing: as if it were not there
    }
    return S_ISREG(target.st_mode)    ? std::string()
           : S_ISFIFO(target.st_mode) ? "a pipe"
           : S_ISDIR(target.st_mode)  ? "a folder"
                                      : "a device or a socket";
}

static std::string owner_to_doubt(const struct stat& entry) {
    if (entry.st_uid != 0)
        return "of user " + std::to_string(entry.st_uid);
    if ((entry.st_mode & S_IWOTH) != 0 || ((entry.st_mode & S_IWGRP) != 0 && entry.st_gid != 0))
        return "others may write it";
    return {};
}

static bool is_image(std::string_view name) {
    return name.ends_with(".img") || name == "descriptors.json" || name == record::manifest_file;
}

void look_at_image_files(const Facts& facts, int dir, Target& target) {
    std::vector<std::string> odd;
    std::vector<std::string> open;
    struct stat own{};
    if (::fstat(dir, &own) != 0)
        return;
    if (const auto why = owner_to_doubt(own); !why.empty() && (own.st_mode & S_ISVTX) == 0)
        open.push_back("the directory (" + why + ")");
    std::size_t seen = 0;
    const bool read = each_entry(dir, [&](int, const dirent& file) {
        struct stat entry{};
        if (++seen > max_entries || facts.deadline->passed())
            return false;
        if (!is_image(file.d_name) || ::fstatat(dir, file.d_name, &entry, AT_SYMLINK_NOFOLLOW) != 0)
            return true;
        if (const auto what = oddity(dir, file.d_name, entry); !what.empty() && odd.size() < max_named)
            odd.push_back(one_line(file.d_name, 80) + " (" + what + ")");
        if (const auto why = owner_to_doubt(entry);
            !why.empty() && !S_ISLNK(entry.st_mode) && open.size() < max_named)
            open.push_back(one_line(file.d_name, 80) + " (" + why + ")");
        return true;
    });
    if (!read || seen > max_entries || facts.deadline->passed())
        return;
    target.odd_images = std::move(odd);
    target.open_images = std::move(open);
}

} // namespace lpm::inspect
