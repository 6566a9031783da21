// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string_view>

namespace lpm::oci {

// Lower-case phrases by which callers tell errors apart: CRI-O and containerd take a container for gone,
// podman an image for broken, when an error text holds one. None may be in what lpm says.
inline constexpr std::string_view misread_phrases[] = {
    "no such process",
    "container not running",
    "invalid process",
    "process already finished",
    "does not exist",
    "permission denied",
    "operation not permitted",
    "executable file not found",
    "no such file or dir",
    "open executable",
    "container process not found",
};

// `text`, in any case, holds one of them.
[[nodiscard]] inline bool misread(std::string_view text) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    for (const auto phrase : misread_phrases)
        for (std::size_t at = 0; at + phrase.size() <= text.size(); ++at) {
            std::size_t same = 0;
            while (same < phrase.size() && lower(text[at + same]) == phrase[same])
                ++same;
            if (same == phrase.size())
                return true;
        }
    return false;
}

} // namespace lpm::oci
