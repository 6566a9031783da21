// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace lpm::criu {

inline constexpr std::string_view unknown_error = "CriuError";
inline constexpr std::string_view process_ended = "ProcessEnded"; // or was killed, while CRIU traced it

// Why CRIU failed, as far as its log tells.
struct LogError {
    std::string_view code; // stable id, the same as the check's where one exists; or unknown_error
    std::string message;   // CRIU's own words, one line
};

// The first line of dump.log or restore.log that CRIU marked as an error, harmless ones left out: what CRIU
// says after it is mostly a consequence.
[[nodiscard]] std::optional<LogError> first_error(std::string_view log);

// The codes that first_error knows.
[[nodiscard]] std::set<std::string_view> error_codes();

// CRIU was at work and wrote no last line, neither that it was done nor that it failed: it was killed.
[[nodiscard]] bool cut_short(std::string_view log);

// The id that CRIU gave to the dump, in dump.log its own, in restore.log the one that its images are of;
// empty when the log does not tell. CRIU names after it what it makes outside of the images.
[[nodiscard]] std::string_view dump_run_id(std::string_view log);

} // namespace lpm::criu
