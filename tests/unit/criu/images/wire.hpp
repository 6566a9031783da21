// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

// Images made by hand.
inline std::string record(std::string_view message) {
    const auto size = static_cast<std::uint32_t>(message.size());
    return std::string(reinterpret_cast<const char*>(&size), sizeof size) + std::string(message);
}

// A field of bytes: tag, length, content.
inline std::string field(unsigned number, std::string_view bytes) {
    std::string text(1, static_cast<char>(number << 3U | 2U));
    text += static_cast<char>(bytes.size());
    return text + std::string(bytes);
}

// A field that is a number.
inline std::string field(unsigned number, std::uint32_t value) {
    std::string text(1, static_cast<char>(number << 3U));
    for (; value >= 0x80; value >>= 7U)
        text += static_cast<char>(value | 0x80U);
    return text + static_cast<char>(value);
}

inline const std::string files_head("\x19\x43\x56\x54\x38\x31\x30\x56", 8);
inline const std::string remap_head("\x19\x43\x56\x54\x54\x39\x13\x59", 8);
