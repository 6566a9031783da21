// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace lpm::config {

// A life-cycle hook, as its file in /etc/lpm/checkpoint.d declares it (docs/lifecycle.md).
struct LifecycleHook {
    std::string name; // of the file, without ".toml"
    std::string path; // absolute
    std::vector<std::string> args;
    bool frozen = false; // may run while the container is frozen; else it needs one that answers
    bool abort = true;   // its failure ends the operation before it has begun
    std::chrono::milliseconds timeout{5000};
    // Names of the container (namespace, pod, name, ...) and what they must be; a "*" at the end stands for
    // anything.
    std::vector<std::pair<std::string, std::string>> match;

    // The container has all these names.
    [[nodiscard]] bool wants(const std::vector<std::pair<std::string, std::string>>& names) const;
};

// Errc::invalid, "file:line: key: reason", when anything in it is not as it must be: half of a hook is none.
[[nodiscard]] Result<LifecycleHook> parse_hook(std::string_view text, const std::string& file,
                                               std::string name);

} // namespace lpm::config
