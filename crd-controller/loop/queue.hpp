// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

namespace lpm::controller {

// Keys of objects that want to be looked at. A key is in it once however often it is added, and is with one
// worker at a time: what is added meanwhile comes after that.
class Queue {
  public:
    using Clock = std::chrono::steady_clock;

    void add(const std::string& key) { add_at(key, Clock::now()); }
    void add_after(const std::string& key, std::chrono::milliseconds delay) {
        add_at(key, Clock::now() + delay);
    }
    // After a failure: `first`, doubled up to 5 min with each one until `forget`.
    void retry(const std::string& key, std::chrono::milliseconds first);
    void forget(const std::string& key);

    // Waits for one whose time has come; nothing when stopped. It is given back by `done`.
    [[nodiscard]] std::optional<std::string> take(const std::stop_token& stop);
    void done(const std::string& key);

    [[nodiscard]] std::size_t size() const; // of those whose time has come

  private:
    using Order = std::set<std::pair<Clock::time_point, std::string>>;

    void add_at(const std::string& key, Clock::time_point when);
    [[nodiscard]] Order::iterator next(); // the first that no worker has
    void wake_one();

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::map<std::string, Clock::time_point> due_; // the earliest time that was asked for
    Order order_;
    std::set<std::string> working_;
    std::map<std::string, int> failures_;
    bool watched_ = false; // a worker waits for the time of the first; the others wait until they are woken
    std::size_t changes_ = 0; // that a worker who waits may have to look at
};

} // namespace lpm::controller
