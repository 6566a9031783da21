// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <optional>

#include "base/result.hpp"

namespace lpm::sidecar {

// Of a process that reads one archive, which others may have made: root becomes the user lpm; no capability,
// 512 MiB of addresses, and no system call but those that read what is open and answer. `time`: of the
// processor, before it is killed.
[[nodiscard]] Result<> give_power_away(std::optional<std::chrono::seconds> time);

} // namespace lpm::sidecar
