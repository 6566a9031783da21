// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/reflector.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "base/random.hpp"
#include "kube/pause.hpp"

namespace lpm::kube {

using namespace std::chrono_literals;

// client-go's: 0.8 s, doubled up to 30 s, each up to twice as long by chance, forgotten after two good
// minutes.
static constexpr auto first_wait = 800ms;
static constexpr std::chrono::milliseconds longest_wait = 30s;
static constexpr auto healthy = 2min;

Result<> Reflector::list(const std::stop_token& stop) {
    sink_.list_begins();
    TRY_ASSIGN(version_, client_.list(path_, sink_.set, stop, depth_));
    sink_.list_ended();
    synced_ = true;
    return {};
}

Result<> Reflector::watch(const std::stop_token& stop) {
    const auto began = std::chrono::steady_clock::now();
    TRY(client_.watch(
        path_, version_,
        [&](Client::Change change, json::Value object) {
            if (change == Client::Change::removed)
                sink_.removed(object);
            else
                sink_.set(std::move(object));
        },
        stop, depth_));
    if (std::chrono::steady_clock::now() - began < 1s)
        return fail(Errc::unavailable, "watch: the server ends it at once");
    return {};
}

void Reflector::run(const std::stop_token& stop) {
    std::mt19937 random{random_bytes<std::uint32_t>()};
    std::chrono::milliseconds wait = first_wait;
    while (!stop.stop_requested()) {
        const auto began = std::chrono::steady_clock::now();
        const auto done = version_.empty() ? list(stop) : watch(stop);
        if (done || std::chrono::steady_clock::now() - began > healthy)
            wait = first_wait;
        if (done || stop.stop_requested())
            continue;
        if (done.error().code == Errc::absent || done.error().code == Errc::invalid)
            version_.clear(); // too old, or garbled: what we have may not be whole
        if (sink_.failed)
            sink_.failed(done.error());
        const auto chance = std::uniform_int_distribution<long>(0, wait.count())(random);
        pause_for(wait + std::chrono::milliseconds(chance), stop);
        wait = std::min(wait * 2, longest_wait);
    }
}

} // namespace lpm::kube
