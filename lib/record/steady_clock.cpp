// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/steady_clock.hpp"

#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "linux/boot.hpp"

namespace lpm::record {

ClockReading read_clock() {
    return {boot_id(), to_milliseconds(now()), boot_time_ns() / 1'000'000};
}

static std::uint64_t distance(std::uint64_t one, std::uint64_t other) {
    return one > other ? one - other : other - one;
}

// As far as it can be told: how long a node was off, nobody knows.
static bool follows(const ClockReading& now, const ClockReading& before) {
    if (now.boot_id != before.boot_id)
        return now.wall_ms >= before.wall_ms && now.wall_ms - before.wall_ms <= 7 * day_ms;
    return now.boot_ms >= before.boot_ms &&
           distance(now.wall_ms, before.wall_ms + (now.boot_ms - before.boot_ms)) <= day_ms;
}

bool is_steady(ClockHistory& history, const ClockReading& now) {
    const bool believed = !history.believed || follows(now, *history.believed);
    const bool goes_on = !believed && history.jumped && history.jumped->boot_id == now.boot_id &&
                         follows(now, *history.jumped);
    if (believed || (goes_on && now.boot_ms - history.jumped->boot_ms >= day_ms)) {
        history = {.believed = now, .jumped = std::nullopt};
        return true;
    }
    if (!goes_on)
        history.jumped = now;
    return false;
}

static std::optional<ClockReading> take_reading(std::string_view line) {
    ClockReading reading;
    reading.boot_id = next_word(line);
    const auto wall = to_number<std::uint64_t>(next_word(line));
    const auto boot = to_number<std::uint64_t>(next_word(line));
    constexpr std::uint64_t most = std::uint64_t{1} << 53U;
    if (reading.boot_id.empty() || !wall || !boot || *wall > most || *boot > most)
        return std::nullopt;
    reading.wall_ms = *wall;
    reading.boot_ms = *boot;
    return reading;
}

ClockHistory parse_clock_history(std::string_view text) {
    ClockHistory history;
    history.believed = take_reading(next_line(text));
    if (history.believed)
        history.jumped = take_reading(next_line(text));
    return history;
}

std::string write_clock_history(const ClockHistory& history) {
    std::string text;
    for (const auto& reading : {history.believed, history.jumped})
        if (reading)
            text += reading->boot_id + " " + std::to_string(reading->wall_ms) + " " +
                    std::to_string(reading->boot_ms) + "\n";
    return text;
}

Result<bool> look_at_clock(int dir) {
    constexpr const char* file = "clock";
    constexpr std::size_t most = 1024;
    auto history = parse_clock_history(read_file(dir, file, most).value_or(""));
    const bool steady = is_steady(history, read_clock());
    TRY(replace_file(dir, file, write_clock_history(history), 0600, Sync::none));
    return steady;
}

} // namespace lpm::record
