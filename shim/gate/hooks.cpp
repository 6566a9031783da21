// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/draft.hpp"
#include "base/text.hpp"
#include "call.hpp"
#include "lifecycle/lifecycle.hpp"
#include "oci/phrases.hpp"
#include "paths.hpp"

// The life-cycle hooks around the runtime's run.
namespace lpm::gate {

using lifecycle::Point;

std::string Call::run_hooks(bool before) {
    const bool restore = record_.operation == "restore";
    hooks_began_ = true;
    lifecycle::HookContext round;
    round.point = before ? (restore ? Point::pre_restore : Point::pre_checkpoint)
                         : (restore ? Point::post_restore : Point::post_checkpoint);
    round.frozen = record_.frozen;
    // The container stands still meanwhile: both rounds together have one time. What tidies up has some of it
    // in any case.
    const auto start = std::chrono::steady_clock::now();
    round.total =
        before ? settings_.hook_time : std::max(settings_.hook_time, std::chrono::milliseconds(1000));
    round.dir = shim::hooks_dir;
    round.keep = [this](const std::string& name, std::string_view output) {
        auto logs = store_ ? store_->make_log_dir(record_.id) : fail(Errc::unavailable, "there is no store");
        if (logs)
            if (auto kept = replace_file(logs->get(), name, output, 0600, Sync::none); !kept)
                logs = std::unexpected(std::move(kept).error());
        if (!logs)
            note("output of " + name + " not kept: " + logs.error().text);
    };
    if (!lifecycle::any(round))
        return {};
    record::Record told = record_;
    if (!before) {
        // They may take long, and we may be killed meanwhile: how it ended is known from here on.
        record_.ended = rfc3339(now());
        publish();
        // A restore has made the process, a checkpoint may have ended it.
        const auto state = oci::read_state(record_.root, record_.container);
        told.pid = state && oci::alive(*state) ? state->init : 0;
    }
    auto done = lifecycle::run_hooks(round, told);
    settings_.hook_time -=
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    std::ranges::move(done.hooks, std::back_inserter(record_.hooks));
    // A program's own words may be some that callers take for something else.
    return oci::misread(done.failure) ? "a life-cycle hook failed; its words are in the record"
                                      : done.failure;
}

} // namespace lpm::gate
