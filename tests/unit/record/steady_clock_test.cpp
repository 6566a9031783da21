// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/steady_clock.hpp"

#include <gtest/gtest.h>

using namespace lpm::record;

namespace {

constexpr std::uint64_t hour = 3'600'000;
constexpr std::uint64_t day = 24 * hour;
constexpr std::uint64_t in_2026 = 1'780'000'000'000;
constexpr std::uint64_t in_2038 = 2'147'483'648'000;

ClockHistory at(const ClockReading& reading) {
    return {.believed = reading, .jumped = std::nullopt};
}

} // namespace

TEST(SteadyClock, goes_on_as_time_does) {
    ClockHistory history;
    for (std::uint64_t hours = 0; hours < 1000; ++hours)
        ASSERT_TRUE(is_steady(history, {"boot", in_2026 + hours * hour, hours * hour}));
    EXPECT_TRUE(is_steady(history, {"boot", in_2026 + 1000 * hour + 20 * hour, 1000 * hour}))
        << "set by some hours";
    EXPECT_TRUE(is_steady(history, {"next", in_2026 + 45 * day, 0})) << "a boot after some days";
}

TEST(SteadyClock, is_not_believed_after_a_jump) {
    const ClockReading before{"boot", in_2026, 100 * day};
    for (const ClockReading& after :
         {ClockReading{"next", in_2038, 60'000}, ClockReading{"boot", in_2038, 100 * day + hour},
          ClockReading{"next", in_2026 - 2 * day, 60'000},
          ClockReading{"boot", in_2026 - 2 * day, 100 * day + hour}}) {
        ClockHistory history = at(before);
        EXPECT_FALSE(is_steady(history, after));
        EXPECT_EQ(history.believed, before);
        EXPECT_FALSE(
            is_steady(history, {after.boot_id, after.wall_ms + 23 * hour, after.boot_ms + 23 * hour}));
        EXPECT_TRUE(is_steady(history, {after.boot_id, after.wall_ms + 25 * hour, after.boot_ms + 25 * hour}))
            << "a day later it is what it is";
    }
}

TEST(SteadyClock, is_believed_when_it_is_put_right) {
    ClockHistory history = at({"boot", in_2026, 100 * day});
    EXPECT_FALSE(is_steady(history, {"next", in_2038, 60'000}));
    EXPECT_TRUE(is_steady(history, {"next", in_2026 + hour, 120'000}));
    EXPECT_FALSE(history.jumped);
}

TEST(SteadyClock, starts_anew_with_each_jump) {
    ClockHistory history = at({"boot", in_2026, 0});
    for (std::uint64_t boots = 1; boots < 100; ++boots) // each time up for 23 hours
        for (const std::uint64_t up : {std::uint64_t{60'000}, 23 * hour})
            ASSERT_FALSE(is_steady(history, {std::to_string(boots), in_2038 + boots * day + up, up}));
}

TEST(SteadyClock, survives_being_written_and_read) {
    ClockHistory history = at({"boot", in_2026, 5});
    EXPECT_EQ(parse_clock_history(write_clock_history(history)).believed, history.believed);
    EXPECT_FALSE(parse_clock_history(write_clock_history(history)).jumped);
    history.jumped = ClockReading{"next", in_2038, 7};
    EXPECT_EQ(parse_clock_history(write_clock_history(history)).jumped, history.jumped);
    for (const char* bad : {"", "\n", "boot", "boot 1", "boot x 1\n", "boot 99999999999999999999 1\n"})
        EXPECT_FALSE(parse_clock_history(bad).believed) << bad;
}

TEST(SteadyClock, reads_the_nodes) {
    const auto reading = read_clock();
    EXPECT_FALSE(reading.boot_id.empty());
    EXPECT_GT(reading.wall_ms, in_2026 - 365 * day);
    EXPECT_GT(reading.boot_ms, 0U);
}
