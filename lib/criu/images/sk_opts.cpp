// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/sk_opts.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

namespace sk_opts_entry {
static constexpr std::uint32_t so_sndbuf = 1;
static constexpr std::uint32_t so_rcvbuf = 2;
} // namespace sk_opts_entry

bool read_sk_opts(std::string_view message, SkOptsEntry& to) {
    Message entry(message);
    while (const auto field = entry.next()) {
        if (field->number == sk_opts_entry::so_sndbuf)
            to.so_sndbuf = field->u32();
        else if (field->number == sk_opts_entry::so_rcvbuf)
            to.so_rcvbuf = field->u32();
    }
    return !entry.broken();
}

} // namespace lpm::criu
