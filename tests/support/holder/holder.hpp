// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <span>
#include <string>

namespace holder {

// One thing that a process can hold: `holder NAME [ARGUMENT]`.
struct Case {
    const char* name;
    void (*hold)(const std::string& argument);
};

// The tables of the other files.
extern const std::span<const Case> network, files, channels, namespaces, processes;

// Ends the program, saying which call failed, when a system call's result is negative; else that result.
long must(long result, const char* what);

// Ends the program: there is no such argument.
[[noreturn]] void unknown(const std::string& argument);

} // namespace holder
