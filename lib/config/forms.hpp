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

} // namespace lpm::config
