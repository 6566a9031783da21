// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

#include "json/json.hpp"

namespace lpm::selftest {

// config.json of a container that sleeps: what engines give, with /usr of the node, read-only, to run from.
// `merged`: /bin and /lib of the node are links into /usr; else they are mounted as well.
[[nodiscard]] json::Value make_spec(const std::string& rootfs, const std::string& id, bool merged);

// What a runtime has written last into its log of JSON lines, for a person; the whole of a last line that is
// no JSON. Empty when there is none.
[[nodiscard]] std::string last_message(std::string_view log);

// The last lines of a log, each printable.
[[nodiscard]] std::string end_of(std::string_view log, std::size_t lines);

} // namespace lpm::selftest
