// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "call.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "base/text.hpp"
#include "check/check.hpp"
#include "check/texts.hpp"
#include "report.hpp"

namespace lpm::gate {

void refuse(const Call& call, std::string code, std::string message, bool transient) {
    record::Record& record = call.recorder.record();
    call.progress.refused = true;
    record.code = std::move(code);
    record.message = std::move(message);
    record.transient = transient;
    finish(call, record::Outcome::refused);
    if (call.progress.quiet)
        return;
    report_error(call.arguments.invocation, "lpm refused " + record.operation.text() + " of " +
                                                record.container + ": " + record.message + " [" +
                                                record.code + (transient ? ", transient]" : "]"));
}

static void record_facts(record::Record& record, const inspect::Facts& facts) {
    const auto& container = facts.container;
    record.frozen = container.frozen;
    record.criu_path = facts.tools.criu_path;
    if (facts.tools.criu && facts.tools.criu->version > 0)
        record.criu_version = criu::version_text(facts.tools.criu->version);
    if (container.state) {
        record.pid = container.state->init;
        record.bundle = container.state->bundle;
    }
    if (facts.bundle)
        record.names = facts.bundle->names;
}

Judged judge(const Request& request, const oci::Invocation& invocation, const inspect::Caller& caller,
             const Questions& questions) {
    // At a create nothing stands still meanwhile, and what is not judged is refused.
    constexpr std::chrono::seconds at_create{15};
    const Deadline deadline(request.subject.at_create
                                ? std::max<std::chrono::milliseconds>(at_create, request.settings.deadline)
                                : request.settings.deadline);
    inspect::Subject subject = request.subject;
    Judged judged;
    constexpr std::chrono::milliseconds pause{50};
    // What may pass in a moment is given it, unless the caller has frozen the container: then nothing moves.
    for (int tries = 0; tries < 4; ++tries) {
        if (tries > 0)
            std::this_thread::sleep_for(pause);
        const auto left = deadline.left();
        subject.checkpoint_in_progress = questions.in_progress();
        Judged now;
        now.facts = inspect::gather(subject, invocation, caller, request.settings, request.tooling, deadline);
        now.facts.skipped_hooks = questions.skipped_hooks(now.facts);
        if (tries > 0 && deadline.passed()) // nothing of it would be judged
            break;
        now.outcome = check::run(now.facts, request.settings, deadline);
        judged = std::move(now);
        // Of a container that is not there the runtime says so itself, in words that callers match.
        if (judged.facts.container.unknown_to_runtime)
            judged.outcome.code.clear();
        // A try that has to be cut short knows less than this one.
        const auto took = left - deadline.left();
        if (!judged.outcome.transient || judged.facts.container.frozen || deadline.left() < pause + 2 * took)
            break;
    }
    return judged;
}

void record_judged(record::Record& record, const inspect::Facts& facts,
                   std::vector<record::Finding>&& findings) {
    for (const auto& option : facts.ignored_options)
        add_note(record, check::text_of(option));
    record.findings = std::move(findings);
    record_facts(record, facts);
}

std::optional<inspect::Facts> admit(const Call& call, const std::function<bool()>& in_progress) {
    auto [facts, outcome] =
        judge(call.request, call.arguments.invocation, inspect::Caller::self(),
              {in_progress, [&](const inspect::Facts& found) { return call.hooks.find_skipped(found); }});
    record_judged(call.recorder.record(), facts, std::move(outcome.findings));
    if (outcome.code.empty())
        return std::move(facts);
    refuse(call, outcome.code, outcome.message, outcome.transient);
    return std::nullopt;
}

void add_to(Command& command, const Call& call, const inspect::Facts& facts) {
    if (facts.additions.empty())
        return;
    const auto added = command.add(facts.additions, call.arguments.invocation.verb_at);
    record::Record& record = call.recorder.record();
    for (const auto& word : facts.additions.words)
        record.additions.push_back(criu::word_of(word));
    if (!added) {
        call.recorder.note("nothing is added to CRIU's configuration: " + added.error().text);
        return;
    }
    for (const auto& line : facts.additions.lines)
        record.additions.push_back("CRIU_CONFIG_FILE: " + criu::line_of(line));
}

bool hooks_allow(const Call& call) {
    const std::string failure = call.hooks.run_before();
    if (failure.empty())
        return true;
    refuse(call, "HookFailed", failure + R"(; mend the hook, or set on_failure = "warn" in its file)", false);
    return false;
}

bool run(const Call& call, Command& command, const Work& work) {
    record::Record& record = call.recorder.record();
    record.delegated = rfc3339(now());
    const auto ended = run_runtime(command.argv(), command.environment(), work);
    if (!ended) {
        record.code = "RuntimeMissing";
        record.message = ended.error().text;
        finish(call, record::Outcome::failed);
        report_error(call.arguments.invocation, "lpm: " + ended.error().text);
        return false;
    }
    call.progress.ended = *ended;
    if (ended->signal != 0)
        record.signal = ended->signal;
    else
        record.exit_status = ended->exit_status;
    return true;
}

void finish(const Call& call, record::Outcome outcome) {
    record::Record& record = call.recorder.record();
    record.outcome = outcome;
    call.hooks.run_after();
    record.final = true;
    record.ended = rfc3339(now());
    call.recorder.publish();
}

} // namespace lpm::gate
