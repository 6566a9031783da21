// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lpm::criu {

// Why CRIU failed, as far as its log tells.
struct LogError {
    std::string_view code; // stable id, the same as the check's where one exists; "CriuError" when not known
    std::string message;   // CRIU's own words, one line
    std::string_view remedy; // what to do; empty when not known
};

// The first line of dump.log or restore.log that CRIU marked as an error, harmless ones left out: what CRIU
// says after it is mostly a consequence.
[[nodiscard]] std::optional<LogError> first_error(std::string_view log);

} // namespace lpm::criu
