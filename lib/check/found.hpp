// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/check.hpp"

// Findings from what the walk has found, alike in form: "<what> in process 12 (redis-server), descriptor 8
// (<thing>), and 3 more: <why>".
namespace lpm::check {

// Pass when nothing of the kind was found, unknown when nothing was found but not everything looked at.
[[nodiscard]] Judgement judge_found(const Facts& facts, Item item, std::string_view what,
                                    std::string_view why, Verdict verdict = Verdict::block);

// The first five, and how many more there are; `limit` bytes of each.
[[nodiscard]] std::string some_of(const std::vector<std::string>& names, std::size_t limit = 100);

using List = std::optional<std::vector<std::string>> Target::*;
// Pass when the list is empty, unknown when it could not be made: "<what>: <some of it>".
[[nodiscard]] Judgement judge_list(const Facts& facts, List list, std::string_view what,
                                   Verdict verdict = Verdict::block);
// What a check says that needs the images, when they could not be compared.
[[nodiscard]] Judgement not_compared();

// What a check says that needs the walk, or config.json, when there is none.
[[nodiscard]] Judgement no_workload();
[[nodiscard]] Judgement no_bundle();

// `finding`, unless `option` (of CRIU) is set, and not set to "no" again: then what would block is covered.
[[nodiscard]] Judgement unless(const Facts& facts, std::string_view option, Judgement finding);

} // namespace lpm::check
