// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

// Whether the node's clock can be believed when records are removed for their age: a node without a battery
// may boot in 2038, and a hand may slip.
namespace lpm::record {

inline constexpr std::uint64_t day_ms = std::uint64_t{24} * 3600 * 1000;

struct ClockReading {
    std::string boot_id;
    std::uint64_t wall_ms = 0; // since 1970
    std::uint64_t boot_ms = 0; // since the boot, suspends included
    bool operator==(const ClockReading&) const = default;
};
[[nodiscard]] ClockReading read_clock();

// From round to round.
struct ClockHistory {
    std::optional<ClockReading> believed; // the last one
    std::optional<ClockReading> jumped;   // the first that did not follow from that
};
// The clock went on as time did, or nobody has looked before; or it has gone on so for a day after a jump.
// Across a boot it may go on by a week.
[[nodiscard]] bool is_steady(ClockHistory& history, const ClockReading& now);

// The same for the store in the open directory `dir`, whose file `clock` has the history.
[[nodiscard]] Result<bool> look_at_clock(int dir);

// One reading a line. Empty for a text that is none.
[[nodiscard]] ClockHistory parse_clock_history(std::string_view text);
[[nodiscard]] std::string write_clock_history(const ClockHistory& history);

} // namespace lpm::record
