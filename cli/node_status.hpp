// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "base/result.hpp"
#include "command.hpp"
#include "crio/crio.hpp"

namespace lpm::cli {

// What CRI-O's files say, and of lpm: `yes` when a handler goes through lpm, as it should now.
[[nodiscard]] Result<int> node_status(const Context& context, const crio::Files& files);

} // namespace lpm::cli
