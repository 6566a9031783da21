// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "service/keep.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>

namespace lpm::service {

bool may_be_written(const ArchiveFile& file, std::uint64_t now_ms) {
    return file.writing.value_or(file.modified_ms + rest_ms > now_ms);
}

std::vector<KeptArchive> beyond(std::span<const KeptArchive> archives, std::uint32_t keep,
                                std::uint64_t now_ms) {
    if (keep == 0)
        return {};
    std::vector<KeptArchive> newest_first;
    for (const auto& one : archives)
        if (one.judged != nullptr && one.judged->whole && one.judged->has_identity() &&
            !one.judged->of_object && !one.file->pinned && !may_be_written(*one.file, now_ms))
            newest_first.push_back(one);
    std::ranges::sort(newest_first, std::ranges::greater{},
                      [](const KeptArchive& one) { return std::tie(one.file->modified_ms, one.file->path); });
    std::map<std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>,
             std::uint32_t>
        counted;
    std::set<std::string_view> seen; // a folder may be listed by two paths
    std::vector<KeptArchive> removed;
    for (const auto& one : newest_first) {
        if (!seen.insert(one.file->id).second)
            continue;
        const JudgedArchive& of = *one.judged;
        if (++counted[{of.engine, of.name_space, of.pod, of.name}] > keep)
            removed.push_back(one);
    }
    std::ranges::reverse(removed);
    return removed;
}

} // namespace lpm::service
