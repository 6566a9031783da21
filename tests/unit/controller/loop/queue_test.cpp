// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "loop/queue.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "attempts.hpp"
#include "loop/worker.hpp"
#include "store.hpp"

using namespace lpm;
using namespace lpm::controller;
using namespace std::chrono_literals;

TEST(Queue, holds_a_key_once) {
    Queue queue;
    queue.add("a");
    queue.add("a");
    queue.add_after("a", 1h);
    EXPECT_EQ(queue.size(), 1U);
    EXPECT_EQ(queue.take({}), "a");
    EXPECT_EQ(queue.size(), 0U);
}

TEST(Queue, gives_a_key_to_one_worker_and_comes_back_to_it) {
    Queue queue;
    queue.add("a");
    ASSERT_EQ(queue.take({}), "a");
    queue.add("a"); // while somebody has it
    queue.add("b");
    EXPECT_EQ(queue.take({}), "b");
    std::atomic<bool> taken{false};
    std::jthread other([&](const std::stop_token& stop) { taken = queue.take(stop) == "a"; });
    std::this_thread::sleep_for(20ms);
    EXPECT_FALSE(taken);
    queue.done("a");
    other.join();
    EXPECT_TRUE(taken);
}

TEST(Queue, waits_for_the_time_and_for_what_is_earlier) {
    Queue queue;
    queue.add_after("late", 1h);
    std::jthread other([&] {
        std::this_thread::sleep_for(20ms);
        queue.add_after("soon", 10ms);
    });
    EXPECT_EQ(queue.take({}), "soon");
}

TEST(Queue, ends_when_it_is_told_to) {
    Queue queue;
    queue.add_after("late", 1h);
    std::stop_source stop;
    std::jthread other([&] {
        std::this_thread::sleep_for(10ms);
        stop.request_stop();
    });
    EXPECT_EQ(queue.take(stop.get_token()), std::nullopt);
}

TEST(Worker, comes_back_after_an_error_until_it_works) {
    Queue queue;
    std::atomic<int> looks{0};
    queue.add("a");
    std::stop_source stop;
    work_on(
        queue,
        [&](const std::string&) -> Result<> {
            if (++looks < 3)
                return fail(Errc::busy, "changed");
            return {};
        },
        [&](const std::string&, const Result<>& done, double) {
            if (done)
                stop.request_stop();
        },
        stop.get_token());
    EXPECT_EQ(looks, 3);
}

TEST(Attempts, have_room_for_one_of_a_container_and_so_many_of_a_node) {
    Attempts attempts({.per_node = 2, .in_all = 3});
    EXPECT_TRUE(attempts.reserve("a", "pod/x", "n1"));
    EXPECT_FALSE(attempts.reserve("b", "pod/x", "n1")) << "the same container";
    EXPECT_TRUE(attempts.reserve("c", "pod/y", "n1"));
    EXPECT_FALSE(attempts.reserve("d", "pod/z", "n1")) << "a third on the node";
    EXPECT_TRUE(attempts.reserve("d", "pod/z", "n2"));
    EXPECT_FALSE(attempts.reserve("e", "pod/e", "n3")) << "a fourth in all";
    attempts.release("a");
    EXPECT_FALSE(attempts.reserve("b", "pod/x", "n1")) << "in the same second";
    std::this_thread::sleep_for(1300ms);
    EXPECT_TRUE(attempts.reserve("b", "pod/x", "n1"));
    std::atomic<bool> ran{false};
    attempts.start("b", [&] {
        std::this_thread::sleep_for(10ms);
        ran = true;
    });
    EXPECT_TRUE(attempts.wait(10s));
    EXPECT_TRUE(ran);
    EXPECT_FALSE(attempts.has("b"));
}

static Checkpoint finished(const std::string& name, int age) {
    Checkpoint object;
    object.key = {"default", name};
    object.uid = name;
    object.spec.pod = "web";
    object.status.container = "web";
    object.status.phase = "Completed";
    object.status.completion = write_seconds(time_now() - std::chrono::seconds(age));
    return object;
}

TEST(Store, keeps_the_newest_of_a_container) {
    Store store;
    for (int i = 0; i < 5; ++i)
        store.set(finished(std::to_string(i), i));
    auto failed = finished("failed", 100);
    failed.status.phase = "Failed";
    store.set(failed);
    const auto surplus = store.surplus({"default", "0"}, 3);
    ASSERT_EQ(surplus.size(), 2U);
    EXPECT_EQ(surplus[0].first.name, "3");
    EXPECT_EQ(surplus[1].first.name, "4");
    EXPECT_TRUE(store.surplus({"default", "0"}, 0).empty());
}

TEST(Store, forgets_what_a_list_does_not_name) {
    Store store;
    store.set(finished("old", 1));
    Checkpoint open;
    open.key = {"default", "open"};
    store.set(open);
    store.list_begins();
    store.set(open);
    EXPECT_EQ(store.list_ended(), std::vector<Key>{Key("default", "old")});
    EXPECT_FALSE(store.find_finished({"default", "old"}));
    EXPECT_TRUE(store.find({"default", "open"}));
}
