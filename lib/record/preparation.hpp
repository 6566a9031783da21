// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "record/record.hpp"

// What was settled with a running container before its checkpoint is asked for:
// RUN/prepared/ROOT-HASH/ID.json.
namespace lpm::record {

using OptionList = std::vector<std::pair<std::string, std::string>>; // as in [options] of lpm.toml

struct Preparation {
    std::uint64_t until = 0; // nanoseconds after the boot that record.boot_id names; see boot_time_ns
    OptionList options;
    Record record; // its attempt, object and hooks are those of the checkpoint that comes
};

// Errc::invalid for what is none.
[[nodiscard]] Result<Preparation> parse_preparation(std::string_view text);
[[nodiscard]] std::string write_preparation(const Preparation& preparation);

// In the place of an earlier one of that container. Errc::busy when that is of another attempt, and still
// good.
[[nodiscard]] Result<> keep_preparation(const std::string& run_dir, const Preparation& preparation);
// What take_preparation would take, and it stays.
[[nodiscard]] Result<Preparation> read_preparation(const std::string& run_dir, const std::string& root,
                                                   const std::string& id);
// Once: it is gone then. Errc::absent when there is none; Errc::unavailable when it is too late for it: it
// stays for take_expired.
[[nodiscard]] Result<Preparation> take_preparation(const std::string& run_dir, const std::string& root,
                                                   const std::string& id);
// Those for which it is too late: what they have begun is to be undone. What is none is removed.
[[nodiscard]] std::vector<Preparation> take_expired(const std::string& run_dir);

} // namespace lpm::record
