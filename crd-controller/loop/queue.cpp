// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "loop/queue.hpp"

#include <algorithm>

namespace lpm::controller {

using namespace std::chrono_literals;

void Queue::add_at(const std::string& key, Clock::time_point when) {
    const std::lock_guard lock(mutex_);
    const auto [at, fresh] = due_.try_emplace(key, when);
    if (!fresh) {
        if (at->second <= when)
            return;
        order_.erase({at->second, key});
        at->second = when;
    }
    order_.emplace(when, key);
    if (const auto first = next(); first != order_.end() && first->second == key)
        wake_one();
}

Queue::Order::iterator Queue::next() {
    return std::ranges::find_if(order_, [&](const auto& entry) { return !working_.contains(entry.second); });
}

// All of them would want the lock, and find that one of them was enough.
void Queue::wake_one() {
    watched_ = false;
    ++changes_;
    changed_.notify_one();
}

void Queue::retry(const std::string& key, std::chrono::milliseconds first) {
    std::chrono::milliseconds delay{};
    {
        const std::lock_guard lock(mutex_);
        const int failures = failures_[key]++;
        delay = std::min<std::chrono::milliseconds>(first * (1L << std::min(failures, 12)), 5min);
    }
    add_after(key, delay);
}

void Queue::forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    failures_.erase(key);
}

std::optional<std::string> Queue::take(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        const auto at = next(); // those that another worker has come back with `done`
        const auto changed = [this, seen = changes_] { return changes_ != seen; };
        if (at == order_.end() || (at->first > Clock::now() && watched_)) {
            changed_.wait(lock, stop, changed);
            continue;
        }
        if (const auto when = at->first; when > Clock::now()) {
            watched_ = true;
            changed_.wait_until(lock, stop, when, changed);
            watched_ = false;
            continue;
        }
        std::string key = at->second;
        due_.erase(key);
        order_.erase(at);
        working_.insert(key);
        if (!watched_ && next() != order_.end())
            wake_one();
        return key;
    }
    return std::nullopt;
}

void Queue::done(const std::string& key) {
    const std::lock_guard lock(mutex_);
    working_.erase(key);
    if (const auto first = next(); first != order_.end() && first->second == key)
        wake_one();
}

std::size_t Queue::size() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(
        order_, [now = Clock::now()](const auto& entry) { return entry.first <= now; }));
}

} // namespace lpm::controller
