// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "attempts.hpp"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

namespace lpm::controller {

using namespace std::chrono_literals;

static constexpr Millis between_archives = 1200ms;
static constexpr auto kept_idle = 30s;   // a thread without work
static constexpr Millis ask_again = 30s; // of who waits: what it waits for may be gone
static constexpr Millis vanished = ask_again * 2;

Attempts::~Attempts() {
    std::unique_lock lock(mutex_);
    ending_ = true;
    more_.notify_all();
    ended_.wait(lock, [this] { return threads_.empty(); });
    join_finished();
}

// Not detached: what OpenSSL keeps of a thread goes after its last line, and not beside exit(), which frees
// it as well.
void Attempts::join_finished() {
    for (std::thread& thread : finished_) // which has let go of the lock for the last time
        thread.join();
    finished_.clear();
}

// Of those who wait, who would have room if all of them came now, the oldest first, and after how long. Older
// ones have theirs kept: who was woken and has not come yet.
Attempts::Fitting Attempts::fitting(Clock::time_point now) {
    Fitting out;
    if (closed_)
        return out;
    std::erase_if(used_, [&](const auto& entry) { return now - entry.second > between_archives; });
    std::erase_if(waiting_, [&](const auto& entry) { return now - entry.second.asked > vanished; });
    auto containers = containers_;
    auto nodes = nodes_;
    std::size_t count = places_.size();
    for (const auto& [age, place] : waiting_) {
        if (count >= limits_.in_all)
            break;
        std::size_t& on_node = nodes[place.node];
        if (on_node >= limits_.per_node || !containers.insert(place.container).second)
            continue;
        ++on_node;
        ++count;
        const auto used = used_.find(place.container);
        out.emplace_back(age, used == used_.end()
                                  ? 0ms
                                  : std::chrono::ceil<Millis>(used->second + between_archives - now));
    }
    return out;
}

std::optional<Millis> Attempts::reserve(const std::string& key, Time created, const std::string& container,
                                        const std::string& node) {
    const std::lock_guard lock(mutex_);
    if (places_.contains(key))
        return ask_again;
    const Age age{created, key};
    const auto now = Clock::now();
    waiting_.insert_or_assign(age, Place{container, node, now});
    const Fitting fits = fitting(now);
    const auto at = std::ranges::find(fits, age, &Fitting::value_type::first);
    if (at == fits.end())
        return ask_again;
    if (at->second > 0ms)
        return at->second;
    waiting_.erase(age);
    places_[key] = {container, node, now};
    containers_.insert(container);
    ++nodes_[node];
    return std::nullopt;
}

void Attempts::give_back(const std::string& key, bool used) {
    Fitting fits;
    {
        const std::lock_guard lock(mutex_);
        const auto at = places_.find(key);
        if (at == places_.end())
            return;
        const auto now = Clock::now();
        if (used)
            used_[at->second.container] = now;
        containers_.erase(at->second.container);
        if (--nodes_[at->second.node] == 0)
            nodes_.erase(at->second.node);
        places_.erase(at);
        fits = fitting(now);
        ended_.notify_all();
    }
    if (used) // what has happened to it meanwhile was left for now
        woken_(key, 0ms);
    for (const auto& [age, after] : fits)
        woken_(age.second, after);
}

void Attempts::release(const std::string& key) {
    give_back(key, false);
}

void Attempts::forget(const std::string& key) {
    Fitting fits;
    {
        const std::lock_guard lock(mutex_);
        if (std::erase_if(waiting_, [&](const auto& entry) { return entry.first.second == key; }) == 0)
            return;
        fits = fitting(Clock::now());
    }
    for (const auto& [age, after] : fits)
        woken_(age.second, after);
}

void Attempts::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    closing_.notify_all();
}

bool Attempts::pause(Millis time) {
    std::unique_lock lock(mutex_);
    return !closing_.wait_for(lock, time, [this] { return closed_; });
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
    std::unique_lock lock(mutex_);
    work_.emplace_back(key, std::move(work));
    ++under_way_;
    if (work_.size() <= idle_) {
        more_.notify_one();
        return;
    }
    join_finished();
    const auto self = threads_.emplace(threads_.end());
    try {
        *self = std::thread([this, self] { serve(self); });
    } catch (const std::system_error&) {
        // No more threads: one that is there takes it when it has ended its own. Without any, we do it
        // ourselves.
        threads_.erase(self);
        if (!threads_.empty())
            return;
        const auto mine = std::move(work_.back());
        work_.pop_back();
        lock.unlock();
        mine.second();
        give_back(key, true);
        lock.lock();
        --under_way_;
        ended_.notify_all();
    }
}

// A thread that has just ended an attempt is kept for the next: what OpenSSL makes for a new one costs as
// much as a request.
void Attempts::serve(Threads::iterator self) {
    std::unique_lock lock(mutex_);
    while (true) {
        ++idle_;
        more_.wait_for(lock, kept_idle, [this] { return !work_.empty() || ending_; });
        --idle_;
        if (work_.empty())
            break;
        const auto [key, work] = std::move(work_.front());
        work_.pop_front();
        lock.unlock();
        work();
        give_back(key, true);
        lock.lock();
        --under_way_;
        ended_.notify_all();
    }
    finished_.push_back(std::move(*self));
    threads_.erase(self);
    ended_.notify_all(); // with the lock: nobody may destroy it before
}

bool Attempts::wait(std::chrono::seconds longest) {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, longest, [this] { return under_way_ == 0 && places_.empty(); });
}

} // namespace lpm::controller
