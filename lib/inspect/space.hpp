// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>

#include "inspect/host.hpp"

namespace lpm::inspect {

// Of a path that need not be there: of the nearest folder that is. Nothing when it is not absolute, or its
// file system has no size. Waits for the file system, which the caller knows not to hang.
[[nodiscard]] std::optional<Space> find_space(std::string path);

} // namespace lpm::inspect
