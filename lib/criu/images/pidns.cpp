// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/pidns.hpp"

#include <cstdint>
#include <optional>

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t pidns_magic = 0x61157326;

namespace pidns_entry {
static constexpr std::uint32_t ext_key = 1;
} // namespace pidns_entry

Result<std::string> parse_pidns(std::string_view image) {
    Image file(image);
    if (!file.opens(pidns_magic))
        return fail(Errc::invalid, "not CRIU's image of a PID namespace");
    const auto record = file.next();
    const auto key = record ? bytes_of(*record, pidns_entry::ext_key) : std::nullopt;
    if (!key)
        return damaged("the image of the PID namespace");
    return std::string(*key);
}

} // namespace lpm::criu
