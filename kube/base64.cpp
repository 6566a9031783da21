// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/base64.hpp"

#include <array>
#include <cstdint>

namespace lpm::kube {

static constexpr std::string_view letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static constexpr auto values = [] {
    std::array<int, 256> table{};
    table.fill(-1);
    for (std::size_t i = 0; i < letters.size(); ++i)
        table[static_cast<unsigned char>(letters[i])] = static_cast<int>(i);
    return table;
}();

std::string base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto part = bytes.substr(at, 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i)
            bits = bits << 8U | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0U);
        for (std::size_t i = 0; i < 4; ++i)
            text += i <= part.size() ? letters[bits >> (18U - 6U * i) & 63U] : '=';
    }
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    unsigned count = 0; // of letters and padding
    unsigned padding = 0;
    for (const char c : text) {
        if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
            continue;
        const int value = values[static_cast<unsigned char>(c)];
        if (c == '=' ? ++padding > 2 || count % 4 < 2 : value < 0 || padding != 0)
            return std::nullopt;
        bits = bits << 6U | static_cast<std::uint32_t>(c == '=' ? 0 : value);
        if (++count % 4 != 0)
            continue;
        for (unsigned i = 0; i < 3 - padding; ++i)
            bytes += static_cast<char>(bits >> (16U - 8U * i) & 255U);
        bits = 0;
    }
    if (count % 4 != 0)
        return std::nullopt;
    return bytes;
}

} // namespace lpm::kube
