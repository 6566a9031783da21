// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "criu/images/sk_opts.hpp"

// images/sk-unix.proto.
namespace lpm::criu {

struct UnixSkEntry {
    std::uint32_t ino = 0;
    std::uint32_t type = 0;  // SOCK_STREAM ...
    std::uint32_t state = 0; // as of TCP: 1 connected, 7 not, 10 listening
    std::uint32_t uflags = 0;
    std::uint32_t peer = 0; // ino of the other end; 0: none
    std::string name;       // a path, or empty
    std::string abstract{}; // what it has in place of a path, without the zero at its beginning
    SkOptsEntry opts{};

    // The other end of a connection, outside of the container: USK_EXTERN.
    [[nodiscard]] bool external() const { return (uflags & 1U) != 0; }
};
// Of a message; false when it is damaged.
[[nodiscard]] bool read_unix_sk(std::string_view message, UnixSkEntry& to);

} // namespace lpm::criu
