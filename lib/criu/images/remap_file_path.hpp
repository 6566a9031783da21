// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// remap-fpath.img (images/remap-file-path.proto): files whose names were gone, and which CRIU makes itself.
namespace lpm::criu {

inline constexpr const char* remap_fpath_img = "remap-fpath.img";

// remap_file_path_entry.orig_id of each. At most 200,000; Errc::invalid above that, and for what is no such
// image.
[[nodiscard]] Result<std::vector<std::uint32_t>> parse_remap_fpath(std::string_view image);

} // namespace lpm::criu
