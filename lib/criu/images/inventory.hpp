// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"

// inventory.img (images/inventory.proto): one for all images.
namespace lpm::criu {

inline constexpr const char* inventory_img = "inventory.img";

// The security module of the node of the dump: enum lsmtype.
enum class LsmType : std::uint32_t { no_lsm, selinux, apparmor };

struct InventoryEntry {
    std::uint32_t img_version = 0;
    LsmType lsmtype = LsmType::no_lsm;
    bool tcp_close = false;                           // the dump was told to close connections; CRIU >= 4.0
    std::optional<std::uint32_t> network_lock_method; // see lock_method(); CRIU >= 3.17
    bool allow_uprobes = false;                       // the dump was told to; CRIU >= 4.2
};
[[nodiscard]] Result<InventoryEntry> parse_inventory(std::string_view image);

// The option's word for the number in the inventory (criu/include/cr_options.h).
[[nodiscard]] const char* lock_method(std::uint32_t number);

} // namespace lpm::criu
