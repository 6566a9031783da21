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

static constexpr Time old{1000ms};
static constexpr Time young{2000ms};

TEST(Attempts, who_waits_is_told_that_no_more_begin) {
    Attempts attempts({1, 1});
    EXPECT_TRUE(attempts.pause(1ms));
    std::jthread closing([&] {
        std::this_thread::sleep_for(20ms);
        attempts.close();
    });
    EXPECT_FALSE(attempts.pause(1h));
    EXPECT_FALSE(attempts.pause(1h)) << "from now on";
}

TEST(Attempts, have_room_for_one_of_a_container_and_so_many_of_a_node) {
    Attempts attempts({.per_node = 2, .in_all = 3});
    EXPECT_FALSE(attempts.reserve("a", old, "pod/x", "n1"));
    EXPECT_TRUE(attempts.reserve("b", old, "pod/x", "n1")) << "the same container";
    EXPECT_FALSE(attempts.reserve("c", old, "pod/y", "n1"));
    EXPECT_TRUE(attempts.reserve("d", old, "pod/z", "n1")) << "a third on the node";
    attempts.forget("d");
    EXPECT_FALSE(attempts.reserve("d", old, "pod/z", "n2"));
    EXPECT_TRUE(attempts.reserve("e", old, "pod/e", "n3")) << "a fourth in all";
    attempts.release("a");
    EXPECT_FALSE(attempts.reserve("b", old, "pod/x", "n1")) << "nothing was asked of the kubelet";
    std::atomic<bool> ran{false};
    attempts.start("b", [&] {
        std::this_thread::sleep_for(10ms);
        ran = true;
    });
    attempts.release("c");
    attempts.release("d");
    EXPECT_TRUE(attempts.wait(10s));
    EXPECT_TRUE(ran);
    EXPECT_FALSE(attempts.has("b"));
}

TEST(Attempts, of_a_container_end_in_different_seconds) {
    Attempts attempts({});
    EXPECT_FALSE(attempts.reserve("a", old, "pod/x", "n1"));
    attempts.start("a", [] { std::this_thread::sleep_for(1300ms); });
    EXPECT_TRUE(attempts.wait(10s));
    const auto again = attempts.reserve("b", old, "pod/x", "n1");
    ASSERT_TRUE(again) << "the kubelet may have taken its time as late as it answered";
    EXPECT_GT(*again, 900ms);
    EXPECT_LE(*again, 1200ms);
    std::this_thread::sleep_for(*again);
    EXPECT_FALSE(attempts.reserve("b", old, "pod/x", "n1"));
}

TEST(Attempts, give_room_to_the_oldest_and_wake_it) {
    std::vector<std::string> woken;
    Attempts attempts({.per_node = 1, .in_all = 3},
                      [&](const std::string& key, Millis) { woken.push_back(key); });
    EXPECT_FALSE(attempts.reserve("a", young, "pod/x", "n1"));
    EXPECT_TRUE(attempts.reserve("young", young, "pod/x", "n1"));
    EXPECT_TRUE(attempts.reserve("old", old, "pod/y", "n1"));
    EXPECT_TRUE(woken.empty());
    attempts.release("a");
    EXPECT_EQ(woken, std::vector<std::string>{"old"});
    EXPECT_TRUE(attempts.reserve("young", young, "pod/x", "n1")) << "an older one is on its way";
    EXPECT_FALSE(attempts.reserve("elsewhere", young, "pod/z", "n2"));
    attempts.forget("old");
    EXPECT_EQ(woken, (std::vector<std::string>{"old", "young"}));
    EXPECT_FALSE(attempts.reserve("young", young, "pod/x", "n1"));
}

TEST(Attempts, are_none_once_closed) {
    Attempts attempts({});
    EXPECT_FALSE(attempts.reserve("a", old, "pod/x", "n1"));
    attempts.close();
    EXPECT_TRUE(attempts.reserve("b", old, "pod/y", "n1"));
    EXPECT_FALSE(attempts.wait(0s)) << "who has room may be about to ask";
    attempts.start("a", [] {});
    EXPECT_TRUE(attempts.wait(10s));
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

TEST(Store, takes_what_was_written_unless_the_watch_knows_more) {
    Store store;
    auto object = finished("a", 1);
    object.version = "9";
    store.update(object);
    EXPECT_FALSE(store.find_finished(object.key)) << "it is gone, or was never there";
    object.status.phase = "Running";
    store.set(object);
    object.status.phase = "Completed";
    object.version = "10";
    store.update(object);
    EXPECT_TRUE(store.find_finished(object.key));
    object.status.phase = "Running";
    object.version = "9";
    store.update(object);
    EXPECT_FALSE(store.find(object.key)) << "older";
    store.removed(object.key);
    object.uid = "another";
    object.version = "20";
    store.set(object);
    object.uid = "a";
    object.version = "30";
    store.update(object);
    EXPECT_EQ(store.find(object.key)->uid, "another");
}
