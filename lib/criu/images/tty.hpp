// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// tty-info.img (images/tty.proto).
namespace lpm::criu {

inline constexpr const char* tty_info_img = "tty-info.img";

// tty_info_entry: an end of a terminal that a process had.
struct TtyInfoEntry {
    std::uint32_t rdev = 0;             // as st_rdev
    std::optional<std::uint32_t> index; // pty.index: of a pseudo terminal
};
// At most 200,000.
[[nodiscard]] Result<std::vector<TtyInfoEntry>> parse_tty_info(std::string_view image);

} // namespace lpm::criu
