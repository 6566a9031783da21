// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "criu/tooling.hpp"

namespace lpm::gate {

// Runs the runtime and CRIU once, and keeps what they say about themselves in /run/lpm/probe.json. Prints
// what it found. Returns an exit status: 1 when the cache could not be written or there is no runtime.
[[nodiscard]] int probe();

// What one CRIU says of itself and of this kernel, and whether it can dump anything here. Takes about two
// seconds.
[[nodiscard]] criu::CriuFacts probe_criu(const std::string& path);

} // namespace lpm::gate
