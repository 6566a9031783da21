// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <stop_token>
#include <thread>

#include "kubectl/command.hpp"

namespace lpm::cli::kubectl {

// Ends a wait when its time is over, or at ^C and SIGTERM. Those are held back as long as it lives, but for
// the second: that one ends the program.
class Patience {
  public:
    explicit Patience(std::chrono::seconds time);
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;
    ~Patience();

    [[nodiscard]] std::stop_token token() const { return over_.get_token(); }
    [[nodiscard]] bool is_interrupted() const { return interrupted_; }

  private:
    void watch(const std::stop_token& stop);

    std::chrono::steady_clock::time_point deadline_;
    ::sigset_t before_{};
    std::stop_source over_;
    std::atomic<bool> interrupted_{false};
    std::jthread thread_;
};

// Waits until the object has ended, or the patience has; the object as it is then. Each change is a line on
// standard error. Errc::absent when it is deleted meanwhile.
[[nodiscard]] Result<json::Value> wait_for_end(Session& session, json::Value object,
                                               const Patience& patience);

// What `--wait-timeout` takes.
void add_wait_timeout(CLI::App& app, std::string& to);

} // namespace lpm::cli::kubectl
