// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/procmaps.hpp"

#include <algorithm>
#include <sys/sysmacros.h>

#include "base/text.hpp"

namespace lpm::procfs {

// start-end perms offset major:minor inode [padding path], all but the inode hexadecimal.
static std::optional<Mapping> parse_mapping(std::string_view line) {
    const auto range = next_word(line);
    const auto perms = next_word(line);
    (void)next_word(line);
    const auto device = next_word(line);
    const auto inode = to_number<std::uint64_t>(next_word(line));
    const auto dash = range.find('-');
    const auto colon = device.find(':');
    if (!inode || perms.size() != 4 || dash == std::string_view::npos || colon == std::string_view::npos)
        return std::nullopt;
    const auto start = to_number<std::uint64_t>(range.substr(0, dash), 16);
    const auto end = to_number<std::uint64_t>(range.substr(dash + 1), 16);
    const auto major = to_number<unsigned>(device.substr(0, colon), 16);
    const auto minor = to_number<unsigned>(device.substr(colon + 1), 16);
    if (!start || !end || *start > *end || !major || !minor)
        return std::nullopt;
    // The padding is of spaces; a name may end in them.
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return Mapping{*start, *end, perms[1] == 'w', perms[2] == 'x', perms[3] == 's', makedev(*major, *minor),
                   *inode, line};
}

std::optional<Mapping> next_mapping(std::string_view& maps) {
    while (!maps.empty())
        if (const auto mapping = parse_mapping(next_line(maps)))
            return mapping;
    return std::nullopt;
}

} // namespace lpm::procfs
