// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace lpm {

struct Output {
    int status = 0;   // exit status; 128 + signal when it was killed
    std::string text; // standard output and standard error
};

// Runs a program found on PATH, with /dev/null as standard input, and collects at most `limit` bytes of what
// it prints. Errc::unavailable when it did not end in `timeout`: then it and its process group were killed.
[[nodiscard]] Result<Output> run(const std::vector<std::string>& argv, std::chrono::milliseconds timeout,
                                 std::size_t limit = 65536);

} // namespace lpm
