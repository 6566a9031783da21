// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/runtime_path.hpp"

// The real runtime: what it is and what it can do.
namespace lpm::oci {

enum class RuntimeKind { unknown, runc, crun };
[[nodiscard]] std::string_view name_of(RuntimeKind kind);
// By the name of its file, where it was never asked.
[[nodiscard]] RuntimeKind kind_by_path(std::string_view path);

struct RuntimeFacts {
    std::string path;
    std::string key; // see file_key
    RuntimeKind kind = RuntimeKind::unknown;
    std::string version;
    std::optional<bool> criu;                  // built with CRIU; nothing when it does not say
    std::vector<std::string> checkpoint_flags; // as --help lists them, without dashes
    std::vector<std::string> restore_flags;
    bool ignores_cgroups = false;  // its --manage-cgroups-mode takes `ignore`
    std::string missing_library{}; // what it loads for a checkpoint, and this node has not

    [[nodiscard]] static bool lists(const std::vector<std::string>& flags, std::string_view flag);
};

// As find_runtime, but never lpm-runc, by whatever name: it is the runtime that our caller configured, so it
// must not be the one that we run.
[[nodiscard]] bool next_runtime(RuntimePath& at, Loop loop);

// The runtime that a call would reach now; empty when there is none.
[[nodiscard]] std::string runtime_path(Loop loop = Loop::none);

// Runs it four times: it says what it is, its version and its flags. Nothing when it did not answer: a
// runtime that does not know a verb says so.
[[nodiscard]] std::optional<RuntimeFacts> probe_runtime(const std::string& path);
// From what --version prints: a line of it is that of runc or crun, also where a wrapper's own comes before
// it.
void parse_version(std::string_view output, RuntimeFacts& to);

// The name of a library that a program is linked with, or loads later, stands in it. Nothing when it is no
// program, or cannot be read.
[[nodiscard]] std::optional<bool> names_library(const std::string& path, std::string_view library);

} // namespace lpm::oci
