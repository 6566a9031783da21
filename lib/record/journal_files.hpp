// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

// The files of the journal, for this folder only. `dir` is the open directory of the journal.
namespace lpm::record {

inline constexpr const char* journal_dir = "journal";

[[nodiscard]] std::string journal_name(unsigned generation); // "00000042.jsonl"

// The newest generation, which the link `current` names; ENOENT when nobody has written yet. A link that
// leads elsewhere is not followed.
[[nodiscard]] Result<unsigned> newest_generation(int dir);

// The oldest that is there; 1 when there is none.
[[nodiscard]] unsigned oldest_generation(int dir);

// Appends a line, with its end, to the newest generation; durable: it is on the disk then.
[[nodiscard]] Result<> append_line(int dir, std::string_view line, bool durable);

// Begins a new generation when the present one is longer than `limit` bytes, and removes all but the newest
// four; true when it did.
[[nodiscard]] Result<bool> renew_generation(int dir, std::uint64_t limit);

} // namespace lpm::record
