// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <iterator>

#include "base/draft.hpp"
#include "call.hpp"
#include "lifecycle/lifecycle.hpp"
#include "oci/phrases.hpp"
#include "paths.hpp"

// The life-cycle hooks around the runtime's run.
namespace lpm::gate {

using lifecycle::Point;

std::string Call::run_hooks(bool before) {
    const bool restore = record_.operation == "restore";
    lifecycle::Round round;
    round.point = before ? (restore ? Point::pre_restore : Point::pre_checkpoint)
                         : (restore ? Point::post_restore : Point::post_checkpoint);
    round.frozen = record_.frozen;
    round.total = settings_.hook_time;
    round.dir = shim::hooks_dir;
    round.keep = [this](const std::string& name, std::string_view output) {
        auto logs = store_ ? store_->make_log_dir(record_.id) : fail(Errc::unavailable, "there is no store");
        if (logs)
            if (auto kept = replace_file(logs->get(), name, output, 0600, Sync::none); !kept)
                logs = std::unexpected(std::move(kept).error());
        if (!logs)
            note("output of " + name + " not kept: " + logs.error().text);
    };
    record::Record told = record_;
    if (restore && !before)
        if (const auto state = oci::read_state(record_.root, record_.container))
            told.pid = state->init;
    hooks_began_ = true;
    auto done = lifecycle::run_hooks(round, told);
    std::ranges::move(done.hooks, std::back_inserter(record_.hooks));
    // A program's own words may be some that callers take for something else.
    return oci::misread(done.failure) ? "a life-cycle hook failed; its words are in the record"
                                      : done.failure;
}

} // namespace lpm::gate
