// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

// pidns-ID.img (images/pidns.proto). CRIU writes it of a namespace that the container has joined only.
namespace lpm::criu {

[[nodiscard]] inline bool is_pidns_img(std::string_view name) {
    return name.starts_with("pidns-");
}

// pidns_entry.ext_key: the name by which the runtime must hand over the PID namespace.
[[nodiscard]] Result<std::string> parse_pidns(std::string_view image);

} // namespace lpm::criu
