// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>

namespace lpm {

// The kernel's id of this boot; empty when /proc does not say.
[[nodiscard]] std::string boot_id();

// Nanoseconds since the boot, suspends included (CLOCK_BOOTTIME).
[[nodiscard]] std::uint64_t boot_time_ns();

} // namespace lpm
