// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/process.hpp"
#include "base/result.hpp"

namespace lpm::cli {

// One of lpm-runc, as CRI-O calls it.
struct RuntimeCall {
    std::string path; // PATH of the runtime
    std::string root; // states of the runtime
    std::string log;  // what the runtime says; written anew
    std::vector<std::string> words;
    std::chrono::seconds timeout;
};

// Its own output goes nowhere: a container that it makes has it, too.
[[nodiscard]] Result<Output> run_runtime(const RuntimeCall& call);
// And what it says of a failure is the error.
[[nodiscard]] Result<> call_runtime(const RuntimeCall& call);

} // namespace lpm::cli
