// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/check.hpp"
#include "check/texts.hpp"

// Findings from what the walk has found, alike in form: "<what> in process 12 (redis-server), descriptor 8
// (<thing>), and 3 more: <why>".
namespace lpm::check {

// Pass when nothing of the kind was found, unknown when nothing was found but not everything looked at.
[[nodiscard]] Judgement judge_found(const Facts& facts, Item item, std::string_view what,
                                    std::string_view why, Verdict verdict = Verdict::block);

// The same of what has a gap of its own, beside that of the whole walk.
[[nodiscard]] Judgement judge_found(const Facts& facts, Item item,
                                    std::optional<inspect::Gap> inspect::Workload::* gap,
                                    std::string_view what, std::string_view why,
                                    Verdict verdict = Verdict::block);

// Pass, or unknown when the walk has left something out: for what is counted in another way. There is a walk.
[[nodiscard]] Judgement judge_gap(const Facts& facts);
// The same of what is counted of sockets.
[[nodiscard]] Judgement judge_sockets_gap(const Facts& facts);

// What a check says that needs the images, when they could not be compared.
[[nodiscard]] Judgement not_compared();

// What a check says that needs the walk, config.json, or the environment of who runs the runtime, when there
// is none.
[[nodiscard]] Judgement no_workload();
[[nodiscard]] Judgement no_bundle();
[[nodiscard]] Judgement no_environment();

// At a restore the limits in config.json bind the processes while CRIU makes them.
[[nodiscard]] bool limit_holds(const Facts& facts);

// Pass when the list is empty, unknown when it could not be made: "<what>: <some of it>".
template <class T>
[[nodiscard]] Judgement judge_list(const std::optional<std::vector<T>>& list, std::string_view what,
                                   Verdict verdict = Verdict::block) {
    if (!list)
        return not_compared();
    if (list->empty())
        return {};
    return {verdict, std::string(what) + ": " + some_of(*list)};
}

// `finding`, unless `option` (of CRIU) is set, and not set to "no" again: then what would block is covered.
// Unknown when it may be set in an environment that cannot be read.
[[nodiscard]] Judgement unless(const Facts& facts, std::string_view option, Judgement finding);

} // namespace lpm::check
