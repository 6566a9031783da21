// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "check/check.hpp"
#include "cleanup/criu.hpp"
#include "command.hpp"
#include "hooks.hpp"
#include "inspect/facts.hpp"
#include "recorder.hpp"
#include "verbs.hpp"
#include "work_dir.hpp"

// The steps that checkpoint and restore have in common, in their order.
namespace lpm::gate {

// What every step needs of the call.
struct Call {
    const Arguments& arguments;
    const Request& request;
    Recorder& recorder;
    Hooks& hooks;
    Progress& progress;
};

// Refused, recorded and reported: `[CODE]` or `[CODE, transient]` ends the message, by which callers tell
// what another try may cure.
void refuse(const Call& call, std::string code, std::string message, bool transient = false);

// What was found of the container, and what the checks say of it.
struct Judged {
    inspect::Facts facts;
    check::Outcome outcome;
};
struct Questions {
    std::function<bool()> in_progress; // another checkpoint of the container is under way
    std::function<std::vector<std::string>(const inspect::Facts&)> skipped_hooks;
};
// Looks at everything and judges the checks, up to four times within the deadline while all that blocks may
// pass in a moment. Nothing is changed and nothing is frozen.
[[nodiscard]] Judged judge(const Request& request, const oci::Invocation& invocation,
                           const inspect::Caller& caller, const Questions& questions);
// Puts it into the record; code and message are the caller's.
void record_judged(record::Record& record, const inspect::Facts& facts,
                   std::vector<record::Finding>&& findings);

// Looks at everything and judges the checks; what was found is in the record. Nothing when a check blocks:
// refused, recorded and reported. `in_progress` tells whether another checkpoint of the container is under
// way.
[[nodiscard]] std::optional<inspect::Facts> admit(const Call& call, const std::function<bool()>& in_progress);

// Puts into the command what lpm adds to it, and into the record that it did.
void add_to(Command& command, const Call& call, const inspect::Facts& facts);

// Runs the hooks before the operation. False when one of them ends it: refused, recorded and reported.
[[nodiscard]] bool hooks_allow(const Call& call);

// Runs the runtime and puts how it ended into progress and record. False when it cannot be run at all:
// recorded and reported.
[[nodiscard]] bool run(const Call& call, Command& command, const Work& work);

// Runs the hooks that come after, and publishes the final record.
void finish(const Call& call, record::Outcome outcome);

} // namespace lpm::gate
