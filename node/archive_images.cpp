// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/archive_images.hpp"

#include <sys/stat.h>

namespace lpm::node {

Result<std::string_view> ArchiveImages::view(const std::string& name) const {
    if (const auto found = contents_.find(name); found != contents_.end())
        return found->second;
    if (!places_.contains(name))
        return fail(Errc::absent, name + " is missing");
    return fail(Errc::unavailable, name + " is not among the images that are read, or they are too long");
}

std::optional<ArchiveImages::Place> ArchiveImages::place(const std::string& name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? std::nullopt : std::optional(found->second);
}

Result<std::string> ArchiveImages::read(const std::string& name) const {
    TRY_ASSIGN(const std::string_view content, view(name));
    return std::string(content);
}

Result<std::string> ArchiveImages::read_head(const std::string& name, std::size_t limit) const {
    TRY_ASSIGN(const std::string_view content, view(name));
    return std::string(content.substr(0, limit));
}

std::optional<std::uint64_t> ArchiveImages::size(const std::string& name) const {
    const auto found = place(name);
    return found ? std::optional(found->size) : std::nullopt;
}

std::optional<criu::ImageFile> ArchiveImages::find(const std::string& name) const {
    if (!places_.contains(name))
        return std::nullopt;
    return criu::ImageFile{.mode = S_IFREG | 0600, .uid = 0, .gid = 0, .link = {}};
}

bool ArchiveImages::each_name(const std::function<bool(const std::string& name)>& visit) const {
    for (const auto& [name, place] : places_)
        if (!visit(name))
            break;
    return true;
}

} // namespace lpm::node
