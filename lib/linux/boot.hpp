// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

namespace lpm {

// The kernel's id of this boot; empty when /proc does not say.
[[nodiscard]] std::string boot_id();

} // namespace lpm
