// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// The packet filter of a network namespace, as nft and today's iptables fill it. `net` is a descriptor of the
// namespace.
namespace lpm {

struct FilterChain {
    std::uint8_t family = 0; // NFPROTO_INET ...
    std::string table;
    std::string name;
};

// The chains of one answer are added to `to`; false when it was the last one, or no answer.
[[nodiscard]] bool parse_filter_chains(std::string_view answer, std::vector<FilterChain>& to);

// None where the kernel has no such filter. At most `limit`, and all of them: an error when the kernel does
// not tell them to the end.
[[nodiscard]] Result<std::vector<FilterChain>> list_filter_chains(int net, std::size_t limit);

// The table, with all chains in it. Errc::absent when there is none of that name.
[[nodiscard]] Result<> delete_filter_table(int net, std::uint8_t family, std::string_view table);

} // namespace lpm
