// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "record/record.hpp"

// Life-cycle hooks: programs of the node's owner that make an application consistent before its memory is
// taken, and tell it afterwards (docs/lifecycle.md).
namespace lpm::lifecycle {

using Point = record::HookPoint;

// Which hooks of a point: Prepare runs those that need a container that runs, and the checkpoint that it
// prepared the others.
enum class Part { all, running, frozen };

struct HookContext {
    Point point = Point::pre_checkpoint;
    bool frozen = false;             // nothing in the container answers
    std::chrono::milliseconds total; // all hooks together
    std::string dir;                 // /etc/lpm/checkpoint.d
    // Where output is kept: a file's name, its content.
    std::function<void(const std::string&, std::string_view)> keep;
    Part part = Part::all;
};

struct HookResults {
    std::vector<record::HookRun> hooks; // in the order of their names; those that do not want it are left out
    std::string failure; // "hook x: reason" of the first that ends the operation; then no more run
};

// There may be hooks of this point.
[[nodiscard]] bool any(const HookContext& round);

// Those that must succeed, want this workload, and will be skipped since nothing in the container answers.
[[nodiscard]] std::vector<std::string>
skipped_hooks(const HookContext& round, const std::vector<std::pair<std::string, std::string>>& names);

// Runs the hooks of one point. `record` is what they are told. A declaration that cannot be read is a run
// that failed and ends nothing: it has not said that it should.
[[nodiscard]] HookResults run_hooks(const HookContext& round, const record::Record& record);

// What a hook reads on its standard input.
[[nodiscard]] std::string state_of(const HookContext& round, const record::Record& record);

} // namespace lpm::lifecycle
