// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/archive_images.hpp"

#include <sys/stat.h>

namespace lpm::node {

Result<std::string> ArchiveImages::read(const std::string& name) const {
    if (const auto found = contents_.find(name); found != contents_.end())
        return found->second;
    if (!sizes_.contains(name))
        return fail(Errc::absent, name + " is missing");
    return fail(Errc::unavailable, name + " is not among the images that are read, or they are too long");
}

Result<std::string> ArchiveImages::read_head(const std::string& name, std::size_t limit) const {
    if (const auto found = contents_.find(name); found != contents_.end())
        return found->second.substr(0, limit);
    return read(name);
}

std::optional<std::uint64_t> ArchiveImages::size(const std::string& name) const {
    const auto found = sizes_.find(name);
    return found == sizes_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<criu::ImageFile> ArchiveImages::find(const std::string& name) const {
    if (!sizes_.contains(name))
        return std::nullopt;
    return criu::ImageFile{.mode = S_IFREG | 0600, .uid = 0, .gid = 0, .link = {}};
}

bool ArchiveImages::each_name(const std::function<bool(const std::string& name)>& visit) const {
    for (const auto& [name, size] : sizes_)
        if (!visit(name))
            break;
    return true;
}

} // namespace lpm::node
