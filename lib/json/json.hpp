// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The only place that sees nlohmann's header.
#include <nlohmann/json.hpp>

#include "base/result.hpp"

// JSON from outside, bounded; and typed reads that never throw.
namespace lpm::json {

// Sorted keys: an object of 100,000 hostile members is still found and built in n log n.
using Value = nlohmann::json;

struct Limits {
    std::size_t bytes = std::size_t{4} << 20;
    std::size_t depth = 64;
    std::size_t values = 100'000; // commas and brackets outside strings, at most
};

// Errc::invalid, with the reason, for text that is not one JSON document within the limits.
[[nodiscard]] Result<Value> parse(std::string_view text, const Limits& limits = {});
[[nodiscard]] Result<Value> read(int dir, const std::string& path, const Limits& limits = {});

// `indent` < 0: one line. Invalid UTF-8 becomes U+FFFD: names of files and processes are bytes.
[[nodiscard]] std::string write(const Value& value, int indent = -1);

// Member of an object; nullptr when `value` is no object or has no such member.
[[nodiscard]] const Value* find(const Value& value, std::string_view key);
// The same along a path of keys separated by dots: "linux.namespaces".
[[nodiscard]] const Value* find_path(const Value& value, std::string_view path);

// The list there; an empty one when it is absent or of another type.
[[nodiscard]] const Value& list_at(const Value& value, std::string_view path);

// The text of a member whose name may have dots; empty when it is absent or of another type.
[[nodiscard]] std::string member_text(const Value& value, std::string_view key);

// Empty / nothing when the member is absent or of another type.
[[nodiscard]] std::string text_or_empty(const Value& value, std::string_view path);
[[nodiscard]] std::optional<std::int64_t> integer(const Value& value, std::string_view path);
[[nodiscard]] std::optional<std::uint64_t> natural(const Value& value, std::string_view path);
[[nodiscard]] bool is_true(const Value& value, std::string_view path);

} // namespace lpm::json
