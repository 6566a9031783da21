// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

// Which instructions programs find on this processor.
namespace lpm {

// The names in /proc/cpuinfo ("flags" on x86, "Features" on ARM) that stand for instructions which a program
// may execute, in the kernel's order, separated by blanks. Names for what only the kernel can use are left
// out. Of the first processor: the kernel makes all alike.
[[nodiscard]] Result<std::string> parse_cpu_features(std::string_view cpuinfo);
// These, and what the processor itself tells (cpuid.hpp).
[[nodiscard]] Result<std::string> read_cpu_features();

// Words of `wanted` that `have` lacks.
[[nodiscard]] std::string missing_words(std::string_view wanted, std::string_view have);

} // namespace lpm
