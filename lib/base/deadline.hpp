// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <algorithm>
#include <chrono>

namespace lpm {

// By when something is to be over, on a clock that nobody sets.
class Deadline {
  public:
    explicit Deadline(std::chrono::milliseconds budget) : end_(Clock::now() + budget) {}

    [[nodiscard]] bool passed() const { return Clock::now() >= end_; }
    // What is left; 0 when it has passed.
    [[nodiscard]] std::chrono::milliseconds left() const {
        using std::chrono::milliseconds;
        return std::max(std::chrono::duration_cast<milliseconds>(end_ - Clock::now()), milliseconds(0));
    }

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point end_;
};

} // namespace lpm
