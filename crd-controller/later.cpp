// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "later.hpp"

#include <cstddef>
#include <utility>

namespace lpm::controller {

static constexpr std::size_t most_later = 1000;

bool Later::add(Work work) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= most_later)
        return false;
    waiting_.push_back(std::move(work));
    changed_.notify_one();
    return true;
}

void Later::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); }) && !stop.stop_requested()) {
        const Work next = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        next(stop);
        lock.lock();
    }
}

} // namespace lpm::controller
