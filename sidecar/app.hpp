// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "base/result.hpp"
#include "service.hpp"

namespace lpm::sidecar {

struct Settings {
    std::string socket; // for clients on this node
    Places places;
    config::Sidecar file; // sidecar.toml
};

// The whole of lpm-sidecar, until it is told to end (SIGTERM, SIGINT). An error: it could not begin.
[[nodiscard]] Result<> run(const Settings& settings);

} // namespace lpm::sidecar
