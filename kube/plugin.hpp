// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "kube/credentials.hpp"

// For kube's own files: credentials from a program.
namespace lpm::kube {

struct Credential {
    std::string token;
    std::string certificate; // PEM, and then there is a key
    std::string key;
    std::optional<std::chrono::sys_seconds> expires;
};

// What a plugin has printed: an ExecCredential of that version, which may have lines of a log around it.
// No message has a part of `output` in it.
[[nodiscard]] Result<Credential> parse_exec_credential(std::string_view output, std::string_view version);

// Runs the plugin, a minute at most. `cluster`: told to it when it wants to know.
[[nodiscard]] Result<Credential> ask(const Plugin& plugin, const Access& cluster);

} // namespace lpm::kube
