// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "criu/tooling.hpp"

namespace lpm::criu {

// What one CRIU says of itself and of this kernel, and whether it can dump anything here. Takes about two
// seconds.
[[nodiscard]] CriuFacts probe_criu(const std::string& path);

} // namespace lpm::criu
