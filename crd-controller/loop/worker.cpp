// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "loop/worker.hpp"

#include <chrono>

namespace lpm::controller {

using namespace std::chrono_literals;

void work_on(Queue& queue, const std::function<Result<>(const std::string& key)>& look,
             const std::function<void(const std::string& key, const Result<>& done, double seconds)>& looked,
             const std::stop_token& stop) {
    while (const auto key = queue.take(stop)) {
        const auto began = std::chrono::steady_clock::now();
        const auto done = look(*key);
        looked(*key, done, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
        if (done || done.error().code == Errc::absent) // what is gone is told when it comes back
            queue.forget(*key);
        else if (done.error().code == Errc::busy)
            queue.retry(*key, 100ms);
        else
            queue.retry(*key, 1s);
        queue.done(*key);
    }
}

} // namespace lpm::controller
