// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "../node/made_archive.hpp"

// A member of any type; `link` is where it leads to.
inline std::string tar_member(std::string_view name, char type, std::string_view content = {},
                              std::string_view link = {}) {
    std::string part = tar_part(name, content);
    part[156] = type;
    part.replace(157, link.size(), link);
    part.replace(148, 8, 8, ' ');
    unsigned sum = 0;
    for (const char c : part.substr(0, 512))
        sum += static_cast<unsigned char>(c);
    std::snprintf(&part[148], 8, "%06o", sum);
    return part;
}

// A record of a pax header: its own length, which counts itself, comes first.
inline std::string pax_record(const std::string& key, const std::string& value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t size = rest + 1;
    while (size != rest + std::to_string(size).size())
        ++size;
    return std::to_string(size) + " " + key + "=" + value + "\n";
}
