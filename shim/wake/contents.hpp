// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "tar.hpp"

namespace lpm::wake {

inline constexpr std::string_view images_folder = "checkpoint";
inline constexpr std::string_view spec_name = "spec.dump";

// What CRI-O's archive of a checkpoint has, as far as a restore takes it.
struct Contents {
    std::uint64_t image_bytes = 0; // of all images and spec.dump
    std::optional<Extent> manifest{};
    std::optional<Extent> spec{};
    std::optional<Extent> rootfs_diff{};
    std::optional<Extent> deleted_files{};
};

// Reads the headers of all members, and judges what CRI-O would not have written: Errc::invalid.
[[nodiscard]] Result<Contents> read_contents(int archive);

// Bytes of the file that the descriptor is of; Errc::invalid when that is not a regular one.
[[nodiscard]] Result<Extent> whole_file(int archive);

// The file that an image becomes, of a member that was judged; empty for any other.
[[nodiscard]] std::string_view image_name(const Member& member);

// lpm.json. Errc::absent: it has none.
[[nodiscard]] Result<std::string> read_manifest(int archive, const Contents& contents);

} // namespace lpm::wake
