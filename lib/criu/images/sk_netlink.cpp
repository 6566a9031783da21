// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/sk_netlink.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

namespace netlink_sk_entry {
static constexpr std::uint32_t protocol = 3;
static constexpr std::uint32_t state = 4;
static constexpr std::uint32_t opts = 12;
} // namespace netlink_sk_entry

bool read_netlink_sk(std::string_view message, NetlinkSkEntry& to) {
    Message entry(message);
    while (const auto field = entry.next()) {
        if (field->number == netlink_sk_entry::protocol)
            to.protocol = field->u32();
        else if (field->number == netlink_sk_entry::state)
            to.state = field->u32();
        else if (field->number == netlink_sk_entry::opts && !read_sk_opts(field->bytes, to.opts))
            return false;
    }
    return !entry.broken();
}

} // namespace lpm::criu
