// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "attempts.hpp"

#include <thread>
#include <utility>

namespace lpm::controller {

static constexpr auto between_archives = std::chrono::milliseconds(1200);

Attempts::~Attempts() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return threads_ == 0; });
}

bool Attempts::reserve(const std::string& key, const std::string& container, const std::string& node) {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(began_, [&](const auto& entry) { return now - entry.second > between_archives; });
    if (began_.contains(container) || places_.contains(key) || containers_.contains(container) || places_.size() >= limits_.in_all ||
        nodes_[node] >= limits_.per_node)
        return false;
    places_[key] = {container, node};
    containers_.insert(container);
    began_[container] = now;
    ++nodes_[node];
    return true;
}

void Attempts::release(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto at = places_.find(key);
    if (at == places_.end())
        return;
    containers_.erase(at->second.container);
    if (--nodes_[at->second.node] == 0)
        nodes_.erase(at->second.node);
    places_.erase(at);
}

bool Attempts::has(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    return places_.contains(key);
}

std::size_t Attempts::size() const {
    const std::lock_guard lock(mutex_);
    return places_.size();
}

void Attempts::start(const std::string& key, std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        ++threads_;
    }
    std::thread([this, key, work = std::move(work)] {
        work();
        release(key);
        const std::lock_guard lock(mutex_);
        --threads_;
        ended_.notify_all(); // with the lock: nobody may destroy it before
    }).detach();
}

bool Attempts::wait(std::chrono::seconds longest) {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, longest, [this] { return threads_ == 0; });
}

} // namespace lpm::controller
