// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/check.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "check/judges.hpp"
#include "check/texts.hpp"

namespace lpm::check {

using config::Severity;

// By its id, or by the one that it had before.
static bool is_called(const Check& check, std::string_view id) {
    return id == check.id || (!check.before.empty() && id == check.before);
}

static std::optional<Severity> severity_of(const config::Settings& settings, const Check& check) {
    const auto severity = settings.severity_of(check.id);
    return severity || check.before.empty() ? severity : settings.severity_of(check.before);
}

static bool may_skip(const config::Settings& settings, const Check& check) {
    return settings.may_skip(check.id) || (!check.before.empty() && settings.may_skip(check.before));
}

// The check is in a list separated by commas.
static bool names(std::string_view list, const Check& check) {
    while (!list.empty())
        if (is_called(check, trim(next_part(list, ','))))
            return true;
    return false;
}

// An annotation of the pod may make a warning of what blocks, where the node allows that for the check.
static void apply_annotation(const Facts& facts, const config::Settings& settings, const Check& check,
                             Judgement& finding) {
    if (finding.verdict != Verdict::block || !facts.bundle || !names(facts.bundle->skip_checks, check))
        return;
    if (may_skip(settings, check)) {
        finding.verdict = Verdict::warn;
        finding.message += " (skipped by the annotation lpm.my.domain/skip-checks)";
    } else {
        finding.message += " (the annotation lpm.my.domain/skip-checks names this check, but lpm.toml of "
                           "this node does not allow that)";
    }
}

// What is not known is no permission.
static void refuse_unknown(Judgement& finding) {
    if (finding.verdict != Verdict::unknown)
        return;
    finding.verdict = Verdict::block;
    finding.message += "; unless it is known, no new container is made of the checkpoint";
}

static bool runs_at(const Check& check, Stage stage) {
    switch (stage) {
    case Stage::create:
        return check.early == Early::create;
    case Stage::checkpoint:
        return check.at_checkpoint;
    case Stage::restore:
        return check.at_restore;
    }
    return false;
}

namespace {
struct Blocking {
    const Check* check;
    std::string message;
    std::string_view remedy;
};
} // namespace

// The message is of one that does not pass by itself, if there is any: the remedy of another would not help.
// But while another checkpoint is under way, what else is found may be that one's own.
static void name_blocking(const std::vector<Blocking>& blocking, Outcome& outcome) {
    if (blocking.empty())
        return;
    const auto decides = [](const Blocking& one) {
        return !one.check->transient || one.check->judge == judge_checkpoint_in_progress;
    };
    auto chosen = std::ranges::find_if(blocking, decides);
    if (chosen == blocking.end())
        chosen = blocking.begin();
    outcome.transient = chosen->check->transient;
    outcome.code = chosen->check->id;
    outcome.message = chosen->message + "; " + std::string(chosen->remedy);
    std::vector<std::string> others;
    for (const Blocking& one : blocking)
        if (one.check != chosen->check)
            others.emplace_back(one.check->id);
    if (!others.empty())
        outcome.message += "; also in the way: " + some_of(others);
}

Outcome run(const Facts& facts, const config::Settings& settings, const Deadline& deadline) {
    Outcome outcome;
    std::vector<Blocking> blocking;
    for (const Check& check : table()) {
        if (!runs_at(check, facts.subject.stage))
            continue;
        const bool guards = check.guards_create && facts.subject.at_create;
        const Severity severity =
            guards ? Severity::block : severity_of(settings, check).value_or(check.severity);
        if (severity == Severity::off)
            continue;
        Judgement finding{Verdict::unknown, "not judged within the deadline", {}};
        if (!deadline.passed())
            finding = check.judge(facts);
        if (finding.verdict == Verdict::block && severity == Severity::warn)
            finding.verdict = Verdict::warn;
        if (guards)
            refuse_unknown(finding);
        else
            apply_annotation(facts, settings, check, finding);
        if (finding.verdict == Verdict::block)
            blocking.push_back(
                {&check, finding.message, finding.remedy.empty() ? check.remedy : finding.remedy});
        outcome.findings.push_back(
            {std::string(check.id), severity, finding.verdict, std::move(finding.message)});
    }
    name_blocking(blocking, outcome);
    return outcome;
}

void keep_verified(std::vector<record::Finding>& findings) {
    std::erase_if(findings, [](const record::Finding& finding) {
        const auto check = std::ranges::find(table(), finding.check, &Check::id);
        return check == table().end() || check->early != Early::verify;
    });
}

std::vector<std::string> unknown_ids(const config::Settings& settings) {
    std::vector<std::string> lines;
    for (const auto& [id, severity] : settings.severities) {
        const auto check =
            std::ranges::find_if(table(), [&](const Check& one) { return is_called(one, id); });
        if (check == table().end())
            lines.push_back("checks." + id + ": there is no such check; ignored");
        else if (check->id != id)
            lines.push_back("checks." + id + ": is called " + std::string(check->id) + " now");
    }
    return lines;
}

} // namespace lpm::check
