// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/text.hpp"

// What texts in settings must look like.
namespace lpm::config {

struct Form {
    bool (*fits)(std::string_view text) = nullptr;
    std::string_view expects{}; // "must be ..."; empty: any text does
};

// Stands for a byte that is not ASCII (toml.hpp).
inline constexpr char not_ascii = '?';

// One line of printable ASCII. What only a list of paths or a name may hold is looked at by who uses it.
inline bool is_line(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != not_ascii; });
}

// What a program can be given as a word.
inline bool is_word(std::string_view text) {
    return text.find(not_ascii) == std::string_view::npos && text.find('\0') == std::string_view::npos;
}

// A name of Kubernetes: labels of RFC 1123, with dots between them when there may be several.
inline bool is_name(std::string_view text, std::size_t longest, bool dots) {
    const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    char before = '.';
    for (const char c : text) {
        const bool mark = c == '-' || (dots && c == '.');
        if ((!good(c) && !mark) || (mark && before == '.') || (c == '.' && before == '-'))
            return false;
        before = c;
    }
    return text.size() <= longest && good(before);
}
inline bool is_subdomain(std::string_view text) {
    return is_name(text, 253, true);
}

// SHA-256 of a public key, as libcurl wants it.
inline bool is_pin(std::string_view text) {
    static constexpr std::string_view start = "sha256//";
    if (!text.starts_with(start) || text.size() != start.size() + 44 || !text.ends_with('='))
        return false;
    text.remove_prefix(start.size());
    text.remove_suffix(1);
    return std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
               c == '/';
    });
}

// IPv4:port, [IPv6]:port or :port.
inline bool is_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || to_number<std::uint16_t>(text.substr(colon + 1)).value_or(0) == 0)
        return false;
    std::string host(text.substr(0, colon));
    std::array<unsigned char, sizeof(in6_addr)> parsed{};
    if (host.empty() || ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1)
        return true;
    return host.size() > 2 && host.front() == '[' && host.back() == ']' &&
           ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), parsed.data()) == 1;
}

// The forms that keys name.
namespace forms {
inline constexpr Form path{[](std::string_view text) { return is_word(text) && text.starts_with('/'); },
                           "an absolute path in ASCII"};
inline constexpr Form path_or_nothing{
    [](std::string_view text) { return is_line(text) && (text.empty() || text.starts_with('/')); },
    "an absolute path in ASCII, or nothing"};
inline constexpr Form line{is_line, "a text in ASCII"};
inline constexpr Form word{is_word, "a text in ASCII"};
inline constexpr Form object_name{is_subdomain, "a name as Kubernetes has them"};
inline constexpr Form namespace_or_nothing{
    [](std::string_view text) { return text.empty() || is_name(text, 63, false); },
    "a name as namespaces have them, or nothing"};
inline constexpr Form address{[](std::string_view text) { return is_line(text) && is_address(text); },
                              R"(like "127.0.0.1:8080", "[::1]:8080" or, for all addresses, ":8080")"};
} // namespace forms

} // namespace lpm::config
