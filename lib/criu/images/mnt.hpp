// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// mountpoints-ID.img (images/mnt.proto): a list for each mount namespace.
namespace lpm::criu {

[[nodiscard]] inline bool is_mnt_img(std::string_view name) {
    return name.starts_with("mountpoints-");
}

struct MntEntry {
    std::string mountpoint; // in the container, absolute
    std::string ext_key{};  // by which the runtime has to hand it over, or empty
    bool ext_mount = false;
    bool deleted = false; // what it shows had no name any more
    std::uint32_t id = 0;
    std::uint32_t flags = 0; // MS_RDONLY and the like (mount(2))

    // It comes from outside; else CRIU makes and fills it.
    [[nodiscard]] bool external() const { return ext_mount || !ext_key.empty(); }
};
// At most 200,000 entries; Errc::invalid above that, and for what is no such image.
[[nodiscard]] Result<std::vector<MntEntry>> parse_mnt(std::string_view image);

} // namespace lpm::criu
