// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "prepare.hpp"

#include <cstdio>
#include <optional>
#include <unistd.h>
#include <utility>

#include "base/paths.hpp"
#include "config/settings.hpp"
#include "lifecycle/lifecycle.hpp"
#include "linux/boot.hpp"
#include "preflight.hpp"
#include "record/preparation.hpp"

namespace lpm::gate {

static lifecycle::HookResults run_hooks(lifecycle::Point point, std::chrono::milliseconds time,
                                        const record::Record& record) {
    const lifecycle::HookContext context{.point = point,
                                         .frozen = false,
                                         .total = time,
                                         .dir = paths::hooks_dir,
                                         .keep = {},
                                         .part = lifecycle::Part::running};
    return lifecycle::any(context) ? lifecycle::run_hooks(context, record) : lifecycle::HookResults{};
}

static void add(std::vector<record::HookRun>& to, std::vector<record::HookRun>&& runs) {
    to.insert(to.end(), std::make_move_iterator(runs.begin()), std::make_move_iterator(runs.end()));
}

// What was begun is undone.
static void undo(record::Record& record, record::Outcome outcome, std::chrono::milliseconds time) {
    record.outcome = outcome;
    add(record.hooks, run_hooks(lifecycle::Point::post_checkpoint, time, record).hooks);
    record.outcome = {};
}

// What an earlier request has prepared. The same attempt is answered as it was then: whoever asks again has
// not heard the answer, and hooks run once. An attempt of the same object whose checkpoint never came makes
// room: what it has begun is undone.
static std::optional<record::Record> settle_earlier(const record::Record& record,
                                                    std::chrono::milliseconds time) {
    auto earlier = record::read_preparation(paths::run_dir, record.root, record.container);
    if (!earlier)
        return std::nullopt;
    if (earlier->record.attempt == record.attempt)
        return std::move(earlier->record);
    if (record.object.uid.empty() || earlier->record.object.uid != record.object.uid)
        return std::nullopt;
    if (auto taken = record::take_preparation(paths::run_dir, record.root, record.container))
        undo(taken->record, record::Outcome::interrupted, time);
    return std::nullopt;
}

Result<record::Record> prepare(const service::Request& request, char** environment) {
    TRY_ASSIGN(Preflight found, preflight(request.target, request.options, true, environment));
    record::Record& record = found.record;
    record.attempt = request.attempt;
    record.object = {request.object.name_space, request.object.name, request.object.uid};
    if (!record.code.empty())
        return std::move(record);
    // Nothing in it would answer a hook, and who has paused it may be about to take a checkpoint.
    if (record.frozen)
        return fail(Errc::busy, text_of(request.target) + " is paused: ask again when it runs");
    ::alarm(0); // hooks have a time of their own
    if (auto answered = settle_earlier(record, found.settings.hook_time))
        return *std::move(answered);
    auto hooks = run_hooks(lifecycle::Point::pre_checkpoint, found.settings.hook_time, record);
    add(record.hooks, std::move(hooks.hooks));
    if (!hooks.failure.empty()) {
        record.code = "HookFailed";
        record.message = hooks.failure + R"(; mend the hook, or set on_failure = "warn" in its file)";
        undo(record, record::Outcome::refused, found.settings.hook_time);
        return std::move(record);
    }
    const auto ttl = std::chrono::duration_cast<std::chrono::nanoseconds>(request.ttl);
    const auto kept = record::keep_preparation(
        paths::run_dir, {boot_time_ns() + static_cast<std::uint64_t>(ttl.count()), request.options, record});
    if (!kept) {
        undo(record, record::Outcome::refused, found.settings.hook_time);
        return fail(kept.error().code == Errc::busy ? Errc::busy : Errc::unavailable,
                    "the preparation cannot be kept: " + kept.error().text);
    }
    return std::move(record);
}

void undo_expired(std::chrono::milliseconds hook_time) {
    for (auto& expired : record::take_expired(paths::run_dir)) {
        record::Record& record = expired.record;
        std::printf("%s: prepared by attempt %s, and nobody took a checkpoint in time\n",
                    record.container.c_str(), record.attempt.c_str());
        undo(record, record::Outcome::interrupted, hook_time);
    }
}

void undo_prepared(record::Record record) {
    const auto taken = record::take_preparation(paths::run_dir, record.root, record.container);
    if (!taken || taken->record.attempt != record.attempt)
        return;
    undo(record, record::Outcome::refused, config::read(paths::settings_file).hook_time);
}

} // namespace lpm::gate
