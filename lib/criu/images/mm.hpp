// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

// mm-PID.img (images/mm.proto): the address space of a process. A zombie has none, and no page map either.
namespace lpm::criu {

[[nodiscard]] inline std::string mm_img(std::uint32_t pid) {
    return "mm-" + std::to_string(pid) + ".img";
}

// Addresses in its memory: of its arguments and of its environment, each text with a zero at its end.
struct MmEntry {
    std::uint64_t arg_start = 0;
    std::uint64_t arg_end = 0;
    std::uint64_t env_start = 0;
    std::uint64_t env_end = 0;
};
[[nodiscard]] Result<MmEntry> parse_mm(std::string_view image);

// mm_entry.exe_file_id: the file_entry (fdinfo.hpp) of its program. Needs only the beginning of the file.
inline constexpr std::size_t mm_head = 256;
[[nodiscard]] Result<std::uint32_t> parse_exe_file_id(std::string_view head);

} // namespace lpm::criu
