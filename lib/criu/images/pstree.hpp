// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// pstree.img (images/pstree.proto): the dumped processes, init first.
namespace lpm::criu {

inline constexpr const char* pstree_img = "pstree.img";

// Numbers are those in the process's own PID namespace.
struct PstreeEntry {
    std::uint32_t pid = 0;
    std::uint32_t ppid = 0; // 0: none of the tree
    std::uint32_t pgid = 0;
    std::uint32_t sid = 0;              // 0: its leader is outside of the namespace
    std::vector<std::uint32_t> threads; // all of them, the process's own among them
};
[[nodiscard]] Result<std::vector<PstreeEntry>> parse_pstree(std::string_view image);

} // namespace lpm::criu
