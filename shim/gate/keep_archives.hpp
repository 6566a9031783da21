// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "config/settings.hpp"

namespace lpm::gate {

// Removes what is more than [archives] keep of lpm.toml allows, and prints a line for each. Archives are read
// by lpm-judge, which has no power, a process for each: one that takes it over can lie of itself only. Where
// it cannot be run nothing is removed. Does nothing, and opens nothing, without that key. False: it could not
// do its work, and has said why.
[[nodiscard]] bool keep_archives(const config::Settings& settings);

} // namespace lpm::gate
