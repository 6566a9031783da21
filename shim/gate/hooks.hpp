// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "inspect/facts.hpp"
#include "lifecycle/lifecycle.hpp"
#include "recorder.hpp"

namespace lpm::gate {

// The life-cycle hooks of one checkpoint or restore, before and after the runtime's run. The container stands
// still meanwhile: both rounds together have one time.
class Hooks {
  public:
    Hooks(lifecycle::Point before, lifecycle::Point after, std::chrono::milliseconds time, Recorder& recorder)
        : before_(before), after_(after), time_(time), recorder_(recorder) {}

    // Those before that need a container that runs have been run: what comes after undoes them, however the
    // call ends.
    void set_prepared() { prepared_ = began_ = true; }

    // Those before that must succeed and cannot: the caller has frozen the container.
    [[nodiscard]] std::vector<std::string> find_skipped(const inspect::Facts& facts);
    // Why one of them ends the operation; empty when none does.
    [[nodiscard]] std::string run_before();
    // Only where those before have been run: what they did is to be undone. The record has its outcome.
    void run_after();

  private:
    [[nodiscard]] lifecycle::HookContext context(lifecycle::Point point, std::chrono::milliseconds time);
    [[nodiscard]] std::string run(const lifecycle::HookContext& context, const record::Record& told);
    void keep_output(const std::string& name, std::string_view output);

    lifecycle::Point before_;
    lifecycle::Point after_;
    std::chrono::milliseconds time_;
    Recorder& recorder_;
    bool began_ = false;
    bool prepared_ = false;
};

} // namespace lpm::gate
