// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string_view>
#include <vector>

// What the processor itself tells of instructions that programs may use.
namespace lpm {

// By the kernel's names in /proc/cpuinfo: those that this processor has, and whose registers the kernel saves
// for programs. An older kernel does not name all of them. Of x86 extensions since AVX2; empty elsewhere,
// where the kernel filters what it tells.
[[nodiscard]] std::vector<std::string_view> read_cpuid();

} // namespace lpm
