// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

// fs-PID.img (images/fs.proto): where a process stands in the file system.
namespace lpm::criu {

[[nodiscard]] inline std::string fs_img(std::uint32_t pid) {
    return "fs-" + std::to_string(pid) + ".img";
}

struct FsEntry { // ids of file_entry (fdinfo.hpp)
    std::uint32_t cwd_id = 0;
    std::uint32_t root_id = 0;
};
[[nodiscard]] Result<FsEntry> parse_fs(std::string_view image);

} // namespace lpm::criu
