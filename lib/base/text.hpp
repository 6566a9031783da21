// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <charconv>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace lpm {

// The whole of `text` as a number, or nothing.
template <class T> [[nodiscard]] std::optional<T> to_number(std::string_view text, int base = 10) {
    T value{};
    const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (err != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

[[nodiscard]] std::string_view trim(std::string_view text);

// Cuts the first word, or the first line, off the front of `rest`; empty when nothing is left.
[[nodiscard]] std::string_view next_word(std::string_view& rest);
[[nodiscard]] std::string_view next_line(std::string_view& rest);

// Cuts the text before the first `mark` off the front of `rest`, and the mark with it.
[[nodiscard]] std::string_view next_part(std::string_view& rest, char mark);

// `path` is `folder` or lies below it, by their names alone. Of "/" everything lies below.
[[nodiscard]] bool is_below(std::string_view path, std::string_view folder);

// UTC, milliseconds: 2026-01-31T12:00:00.123Z
[[nodiscard]] std::string rfc3339(timespec time);
[[nodiscard]] timespec now();
[[nodiscard]] constexpr std::uint64_t to_milliseconds(const timespec& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1000 +
           static_cast<std::uint64_t>(time.tv_nsec) / 1'000'000;
}
// Any RFC 3339 time, with a fraction or an offset; nothing for what is none.
[[nodiscard]] std::optional<timespec> parse_rfc3339(std::string_view text);

// "1.5 GiB"; exact below 1 KiB.
[[nodiscard]] std::string human_size(std::uint64_t bytes);

// Each byte that is no part of UTF-8 becomes U+FFFD.
[[nodiscard]] std::string to_utf8(std::string_view text);

// One printable line of at most `limit` bytes: control characters become spaces, a cut is shown by "...".
// Names and texts from containers pass through here before a person reads them. A cut keeps UTF-8 whole.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t limit = 400);

} // namespace lpm
