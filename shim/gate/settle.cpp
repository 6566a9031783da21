// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "verbs.hpp"

#include <cstdint>
#include <cstdio>

#include "base/paths.hpp"
#include "keep_archives.hpp"
#include "pending.hpp"
#include "prepare.hpp"
#include "record/keeper.hpp"
#include "report.hpp"
#include "rescue.hpp"
#include "signature.hpp"

namespace lpm::gate {

static bool settle_records(const config::Settings& settings) {
    auto keeper = record::Keeper::open(paths::state_dir);
    if (!keeper) {
        std::fprintf(stderr, "lpm-gate: %s\n", keeper.error().text.c_str());
        return false;
    }
    // What cannot be read may have said that more is to stay: then nothing is removed.
    const auto kept = keeper->run(settings.retention_known ? settings.retention : config::keep_all);
    warn(kept.faults);
    warn(keeper->join_stand_stills(paths::run_dir));
    std::printf("%zu records: %zu interrupted calls ended, %zu removed; %zu directories of logs removed%s\n",
                kept.records, kept.settled, kept.removed, kept.removed_logs,
                kept.new_journal ? "; a new journal begun" : "");
    if (kept.journalled > 0)
        std::printf("%zu ended calls that the journal had not told of\n", kept.journalled);
    return true;
}

int settle() {
    const auto settings = config::read(paths::settings_file);
    warn(settings.problems);
    if (!settings.retention_known)
        std::fprintf(stderr, "lpm-gate: nothing is removed until that is mended\n");
    undo_expired(settings.hook_time);
    remove_left_pending();
    forget_restored();
    const bool rescued = !settings.rescue || rescue_round(std::chrono::seconds(settings.rescue_after));
    const bool settled = settle_records(settings);
    const bool is_signed = sign_archives(settings, UINT64_MAX);
    const bool kept = keep_archives(settings); // last: it may take minutes, and others settle meanwhile
    return rescued && settled && is_signed && kept ? 0 : 1;
}

} // namespace lpm::gate
