// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "base/result.hpp"
#include "command.hpp"

namespace lpm::cli {

// What files say of CRI-O in `dir` and of lpm: `yes` when a handler goes through lpm, as it should now.
[[nodiscard]] Result<int> node_status(const Context& context, const std::string& dir);

} // namespace lpm::cli
