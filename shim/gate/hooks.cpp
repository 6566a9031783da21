// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "hooks.hpp"

#include <algorithm>
#include <iterator>

#include "base/draft.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "oci/phrases.hpp"
#include "oci/state.hpp"

namespace lpm::gate {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

lifecycle::HookContext Hooks::context(lifecycle::Point point, std::chrono::milliseconds time) {
    lifecycle::HookContext context;
    context.point = point;
    if (prepared_ && point == before_)
        context.part = lifecycle::Part::frozen;
    context.frozen = recorder_.record().frozen;
    context.total = time;
    context.dir = paths::hooks_dir;
    context.keep = [this](const std::string& name, std::string_view output) { keep_output(name, output); };
    return context;
}

void Hooks::keep_output(const std::string& name, std::string_view output) {
    auto logs = recorder_.make_log_dir();
    if (logs)
        if (auto kept = replace_file(logs->get(), name, output, 0640, Sync::none); !kept)
            logs = std::unexpected(std::move(kept).error());
    if (!logs)
        recorder_.note("output of " + name + " not kept: " + logs.error().text);
}

std::string Hooks::run(const lifecycle::HookContext& context, const record::Record& told) {
    const auto start = Clock::now();
    auto done = lifecycle::run_hooks(context, told);
    time_ -= std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
    std::ranges::move(done.hooks, std::back_inserter(recorder_.record().hooks));
    // A program's own words may be some that callers take for something else.
    return oci::misread(done.failure) ? "a life-cycle hook failed; its words are in the record"
                                      : done.failure;
}

std::vector<std::string> Hooks::find_skipped(const inspect::Facts& facts) {
    if (!facts.container.frozen || !facts.bundle)
        return {};
    auto round = context(before_, time_);
    round.frozen = true;
    return lifecycle::skipped_hooks(round, facts.bundle->names);
}

std::string Hooks::run_before() {
    began_ = true;
    const auto round = context(before_, time_);
    return lifecycle::any(round) ? run(round, recorder_.record()) : std::string();
}

void Hooks::run_after() {
    if (!began_)
        return;
    // What tidies up has some time in any case.
    const auto round = context(after_, std::max(time_, std::chrono::milliseconds(1s)));
    if (!lifecycle::any(round))
        return;
    record::Record& record = recorder_.record();
    // They may take long, and we may be killed meanwhile: how it ended is known from here on.
    record.ended = rfc3339(now());
    recorder_.publish();
    // A restore has made the process, a checkpoint may have ended it.
    record::Record told = record;
    const auto state = oci::read_state(record.root, record.container);
    told.pid = state && oci::alive(*state) ? state->init : 0;
    (void)run(round, told);
}

} // namespace lpm::gate
