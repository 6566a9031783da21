// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <array>
#include <sys/types.h>

#include "base/result.hpp"

// What the kernel tells of processes and threads without a file.
namespace lpm {

// kcmp(2): the table of descriptors; root, working directory and umask; the memory.
enum class Shared { files, fs, memory };
[[nodiscard]] Result<bool> share(pid_t one, pid_t other, Shared what);

// The CPUs that it may run on, a bit for each; the kernel knows of 8192 at most.
using Affinity = std::array<unsigned long, 8192 / (8 * sizeof(unsigned long))>;
[[nodiscard]] Result<Affinity> read_affinity(pid_t thread);

} // namespace lpm
