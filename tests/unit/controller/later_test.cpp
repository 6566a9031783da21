// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "later.hpp"

#include <future>
#include <gtest/gtest.h>
#include <string>
#include <thread>

using namespace lpm::controller;

TEST(Later, is_done_in_order) {
    Later later;
    std::string done;
    std::promise<void> last;
    for (const char letter : {'a', 'b', 'c'})
        EXPECT_TRUE(later.add([&, letter](const std::stop_token&) {
            done += letter;
            if (letter == 'c')
                last.set_value();
        }));
    const std::jthread worker([&](const std::stop_token& stop) { later.run(stop); });
    last.get_future().wait();
    EXPECT_EQ(done, "abc");
}

TEST(Later, ends_when_it_is_stopped) {
    Later later;
    std::promise<void> begun;
    bool left = true;
    std::jthread worker([&](const std::stop_token& stop) { later.run(stop); });
    EXPECT_TRUE(later.add([&](const std::stop_token& stop) {
        begun.set_value();
        while (!stop.stop_requested())
            std::this_thread::yield();
    }));
    EXPECT_TRUE(later.add([&](const std::stop_token&) { left = false; }));
    begun.get_future().wait();
    worker.request_stop();
    worker.join();
    EXPECT_TRUE(left);
}

TEST(Later, takes_no_more_than_a_thousand) {
    Later later;
    for (int i = 0; i < 1000; ++i)
        EXPECT_TRUE(later.add([](const std::stop_token&) {}));
    EXPECT_FALSE(later.add([](const std::stop_token&) {}));
}
