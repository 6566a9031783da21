// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.hpp"

// stats-dump and stats-restore (images/stats.proto).
namespace lpm::criu {

// A figure: its field number, and the name that it has in records. There, those that end in _us are
// microseconds, and the rest are counts.
struct StatName {
    std::uint32_t field;
    std::string_view name;
};

// Figures by place in `names`; only those that the image holds.
struct Stats {
    static constexpr std::size_t max = 16;
    std::span<const StatName> names;
    std::optional<std::uint64_t> values[max];
};

// Errc::invalid when the bytes are no such image or are cut short.
[[nodiscard]] Result<Stats> parse_stats(std::string_view image);

} // namespace lpm::criu
