// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace lpm {

struct Output {
    int status = 0;    // exit status; 128 + signal when it was killed
    std::string text;  // standard output and standard error
    bool late = false; // it did not end in time: it and its process group were killed
};

struct Job {
    std::vector<std::string> argv; // the program is found on PATH
    std::chrono::milliseconds timeout{};
    std::size_t limit = 65536; // bytes of its output that are kept; the rest is read and dropped
    std::string input{};       // on its standard input
    int from = -1;             // there instead of `input`: a descriptor, which is borrowed
    std::optional<std::vector<std::string>> environment{}; // instead of ours
    // The program itself, open for reading: it is run, whatever is at argv[0] by now. It stays open as
    // descriptor 3, from which the interpreter of a script reads it.
    int program = -1;
};

// Runs a program in a process group of its own, with no signal blocked or ignored and no descriptor of ours
// but the standard ones. What it has started and left behind may go on; nobody waits for its output.
[[nodiscard]] Result<Output> run(const Job& job);

// The same in short; Errc::unavailable when it did not end in `timeout`.
[[nodiscard]] Result<Output> run(const std::vector<std::string>& argv, std::chrono::milliseconds timeout,
                                 std::size_t limit = 65536);

// The executable `name` in the directories of PATH, as execvp would find it; empty when there is none.
[[nodiscard]] std::string find_in_path(std::string_view name, std::string_view path);

} // namespace lpm
