// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string_view>

// images/sk-opts.proto: what every kind of socket has.
namespace lpm::criu {

struct SkOptsEntry {
    std::uint32_t so_sndbuf = 0; // bytes, as the next
    std::uint32_t so_rcvbuf = 0;
};
// Of a message; false when it is damaged.
[[nodiscard]] bool read_sk_opts(std::string_view message, SkOptsEntry& to);

} // namespace lpm::criu
