// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "base/result.hpp"
#include "config/controller.hpp"

namespace lpm::controller {

// The whole of lpm-controller, until it is told to end (SIGTERM, SIGINT) or has lost its Lease; the exit
// status. An error: it could not begin.
[[nodiscard]] Result<int> run(const config::Controller& settings);

} // namespace lpm::controller
