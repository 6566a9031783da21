// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>

// Enumerations whose values are words in files. Beside such an enumeration stands `words_of`, which lists the
// words in the order of the enumerators.
namespace lpm {

template <class E> [[nodiscard]] constexpr std::string_view name_of(E value) {
    return words_of(value)[static_cast<std::size_t>(value)];
}

template <class E> [[nodiscard]] constexpr std::optional<E> find_value(std::string_view word) {
    const auto words = words_of(E{});
    const auto at = std::ranges::find(words, word);
    return at == words.end() ? std::nullopt : std::optional(static_cast<E>(std::distance(words.begin(), at)));
}

} // namespace lpm
