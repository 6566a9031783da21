// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/result.hpp"

namespace lpm::oci {

// What a runtime hands to a hook on standard input: the container's state as the OCI runtime specification
// has it. All of it is checked; what is not read here is not looked at.
struct HookState {
    // runc calls it `creating` at createRuntime and crun `created`; at poststop all say `stopped`, and
    // so does runc at the createRuntime of a restore.
    enum class Status { creating, created, running, stopped };

    std::string version; // ociVersion: "1.2.0", crun says "1.0"
    std::string id;      // one name of a path: no slash, neither "." nor ".."; see valid_id before making one
    Status status = Status::creating;
    pid_t pid = 0;      // of init; 0 when there is none (any more)
    std::string bundle; // absolute
    // The annotation lpm.my.domain/checkpointable; config.json has it as well, and has the last word.
    std::optional<std::string> checkpointable;
};

// A state is as long as its annotations, of which Kubernetes takes 256 KiB.
inline constexpr std::size_t max_hook_state = std::size_t{4} << 20;

[[nodiscard]] Result<HookState> parse_hook_state(std::string_view state_json);

} // namespace lpm::oci
