// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/keys.hpp"

namespace lpm::config {

std::string one_of(std::span<const std::string_view> words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        text += i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
        text.append("\"").append(words[i]).append("\"");
    }
    return text;
}

} // namespace lpm::config
