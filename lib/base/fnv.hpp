// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>

namespace lpm {

// FNV-1a, 64 bits: to tell texts apart that nobody forges.
[[nodiscard]] constexpr std::uint64_t fnv1a(const char* text, std::size_t length) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (std::size_t i = 0; i < length; ++i)
        hash = (hash ^ static_cast<unsigned char>(text[i])) * 0x100000001b3;
    return hash;
}

} // namespace lpm
