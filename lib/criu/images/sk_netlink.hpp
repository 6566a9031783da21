// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string_view>

#include "criu/images/sk_opts.hpp"

// images/sk-netlink.proto.
namespace lpm::criu {

struct NetlinkSkEntry {
    std::uint32_t protocol = 0; // NETLINK_ROUTE 0 ...
    std::uint32_t state = 0;    // 0 unconnected, 1 connected
    SkOptsEntry opts{};
};
// Of a message; false when it is damaged.
[[nodiscard]] bool read_netlink_sk(std::string_view message, NetlinkSkEntry& to);

} // namespace lpm::criu
