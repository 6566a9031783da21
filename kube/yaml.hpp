// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// YAML from outside, bounded. The only place that sees yaml-cpp.
namespace lpm::kube::yaml {

struct Item {
    enum class Kind { nothing, text, list, map };
    Kind kind = Kind::nothing;
    int line = 0; // counted from 1
    std::string text;
    std::vector<std::string> keys; // of a map: of the item with the same index
    std::vector<Item> items;
};

struct Limits {
    std::size_t bytes = std::size_t{1} << 20;
    std::size_t depth = 64;
    std::size_t values = 100'000;
};

// The first document in `text`. Errc::invalid for what is none, is not within the limits, or has an anchor
// (with which a few lines are made to stand for gigabytes), a key that is no text, or one twice. The message
// has no part of `text` in it: there are secrets there.
[[nodiscard]] Result<Item> parse(std::string_view text, const Limits& limits = {});

// Member of a map; nullptr when `item` is no map, has no such member, or it is null.
[[nodiscard]] const Item* find(const Item& item, std::string_view key);

} // namespace lpm::kube::yaml
