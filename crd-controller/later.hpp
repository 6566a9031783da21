// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>

namespace lpm::controller {

// Work that nobody waits for, done in the order in which it came. What is over a thousand is dropped.
class Later {
  public:
    using Work = std::function<void(const std::stop_token& stop)>; // ends soon when it is stopped
    // False: it was dropped.
    [[nodiscard]] bool add(Work work);
    // Does it until it is stopped, in each thread that calls this; what waits then is left.
    void run(const std::stop_token& stop);

  private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Work> waiting_;
};

} // namespace lpm::controller
