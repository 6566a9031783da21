// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.hpp"

namespace lpm {

// Address of the first page in [start, end) of a process that is a guard (MADV_GUARD_INSTALL), looked for by
// the kernel in the page tables of `pagemap` (/proc/PID/pagemap, open). No memory is touched. An error with
// EINVAL: this kernel does not tell, as those before 6.16.
[[nodiscard]] Result<std::optional<std::uint64_t>> find_guard(int pagemap, std::uint64_t start,
                                                              std::uint64_t end);

} // namespace lpm
