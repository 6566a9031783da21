// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/deadline.hpp"

#include <gtest/gtest.h>
#include <thread>

using namespace lpm;
using namespace std::chrono_literals;

TEST(Deadline, passes_when_its_time_is_over) {
    const Deadline soon(20ms);
    EXPECT_LE(soon.left(), 20ms);
    std::this_thread::sleep_for(25ms);
    EXPECT_TRUE(soon.passed());
    EXPECT_EQ(soon.left(), 0ms);
    EXPECT_TRUE(Deadline(0ms).passed());
    EXPECT_EQ(Deadline(-1h).left(), 0ms);
}

TEST(Deadline, tells_what_is_left) {
    const Deadline later(1h);
    EXPECT_FALSE(later.passed());
    EXPECT_GT(later.left(), 59min);
    EXPECT_LE(later.left(), 1h);
}
