// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/time.hpp"

namespace lpm::controller {

// Requests to kubelets that are under way, each with a thread to itself: it waits for minutes. And who waits
// for room.
class Attempts {
  public:
    struct Limits {
        std::size_t per_node = 2;
        std::size_t in_all = 64;
    };
    using Woken = std::function<void(const std::string& key, Millis after)>;
    // `woken`: told of an object that was refused room and may have it, after so long, and of one whose work
    // is done.
    explicit Attempts(
        Limits limits, Woken woken = [](const std::string&, Millis) {})
        : limits_(limits), woken_(std::move(woken)) {}
    Attempts(const Attempts&) = delete;
    Attempts& operator=(const Attempts&) = delete;
    ~Attempts();

    // Room for an attempt of the object `key`, the older ones first: one of a container at a time, so many of
    // a node and in all. Nothing: it has it. Else: when it should ask again, if it is not woken before. One
    // of a container begins a moment after the last has ended: the kubelet names archives by the second, and
    // would write the second over the first.
    [[nodiscard]] std::optional<Millis> reserve(const std::string& key, Time created,
                                                const std::string& container, const std::string& node);
    // Of an object that does not ask kubelets after all.
    void release(const std::string& key);
    // It does not wait for room any more.
    void forget(const std::string& key);
    // No room for anybody from now on.
    void close();
    // Waits so long; false, and at once, after `close`.
    [[nodiscard]] bool pause(Millis time);
    // The object has room, and may have a request under way.
    [[nodiscard]] bool has(const std::string& key) const;
    [[nodiscard]] std::size_t size() const;

    // Runs `work` for an object that has room, and gives the room back.
    void start(const std::string& key, std::function<void()> work);
    // Until nothing is under way, and nobody has room; false when that takes longer.
    [[nodiscard]] bool wait(std::chrono::seconds longest);

  private:
    using Clock = std::chrono::steady_clock;
    using Age = std::pair<Time, std::string>; // and key
    struct Place {
        std::string container;
        std::string node;
        Clock::time_point asked{};
    };
    using Fitting = std::vector<std::pair<Age, Millis>>;
    [[nodiscard]] Fitting fitting(Clock::time_point now);
    void give_back(const std::string& key, bool used);
    using Threads = std::list<std::thread>;
    void serve(Threads::iterator self);
    void join_finished();

    Limits limits_;
    Woken woken_;
    mutable std::mutex mutex_;
    std::condition_variable ended_;
    std::condition_variable closing_;
    std::map<std::string, Place> places_;
    std::set<std::string> containers_;
    std::map<std::string, std::size_t> nodes_;
    std::map<std::string, Clock::time_point> used_; // containers whose attempts have just ended
    std::map<Age, Place> waiting_;
    std::condition_variable more_;
    std::deque<std::pair<std::string, std::function<void()>>> work_; // that no thread has taken yet
    std::size_t under_way_ = 0;                                      // taken or not
    Threads threads_;
    std::vector<std::thread> finished_; // that have nothing left to do but to end
    std::size_t idle_ = 0;              // of threads_
    bool ending_ = false;
    bool closed_ = false;
};

} // namespace lpm::controller
