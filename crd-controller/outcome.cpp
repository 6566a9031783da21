// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <vector>

#include "base/text.hpp"
#include "told.hpp"

// What became of an attempt, by its archive and its record on the node.
namespace lpm::controller {

using namespace std::chrono_literals;
using Kind = Answer::Kind;

// How long the node is asked again.
static constexpr auto while_it_works = 1h;  // the archive is being written, or CRIU is at work
static constexpr auto until_packed = 10min; // CRIU is done: CRI-O reads the root file system, then writes
static constexpr auto until_it_answers = 5min;
static constexpr auto until_it_begins = 30s; // no trace: the request may still be on its way
static constexpr auto second_look = 30s;     // of what the kubelet says is there

static constexpr std::size_t longest_excerpt = std::size_t{16} << 10;
static constexpr std::size_t longest_message = 1000;

static Answer end_with(Kind kind, std::string_view reason, const std::string& message) {
    return {.kind = kind, .reason = std::string(reason), .message = one_line(message, longest_message)};
}

// The kubelet's own word, with what the node adds.
static Answer still_unknown(Answer heard, const std::string& and_the_node) {
    if (heard.kind == Kind::unknown)
        heard.message += "; " + and_the_node;
    return heard;
}

static std::optional<Answer> judge_archive(const Answer& heard, const NodeArchive& archive,
                                           std::chrono::seconds waited) {
    const std::string what = "the archive " + archive.path + " of this attempt ";
    if (archive.state == "whole") {
        Answer answer;
        answer.kind = Kind::completed;
        answer.archive = archive.path;
        return answer;
    }
    if (archive.state == "truncated")
        return end_with(Kind::refused, "ArchiveTruncated",
                        what + "was cut off before its end (" + archive.message +
                            "): look at CRI-O's log and the disk of the node; the file can be deleted");
    if (archive.state == "incomplete" || archive.state == "other")
        return end_with(Kind::refused, "ArchiveIncomplete",
                        what + "lacks what a restore needs: " + archive.message);
    if (archive.state == "writing")
        return waited < while_it_works ? std::nullopt
                                       : std::optional(end_with(Kind::unknown, "OutcomeUnknown",
                                                                what + "is still being written"));
    if (waited < until_it_answers)
        return std::nullopt;
    if (heard.kind == Kind::completed)
        return end_with(Kind::refused, "ArchiveUnreadable", what + "cannot be read: " + archive.message);
    return still_unknown(heard, what + "cannot be read: " + archive.message);
}

static std::optional<Answer> judge_record(const Answer& heard, const Looked& looked,
                                          std::chrono::seconds waited) {
    const NodeRecord& record = *looked.record;
    const std::string named = "record " + record.id + " on the node";
    if (record.state == "intent")
        return waited < while_it_works ? std::nullopt
                                       : std::optional(still_unknown(heard, named + " has no end yet"));
    if (record.outcome != "completed") {
        // Never another attempt: the record may be of somebody else's checkpoint, which took what we had
        // prepared, and our request went on without.
        Answer answer =
            end_with(Kind::refused, record.code.empty() ? "CheckpointFailed" : record.code, record.message);
        answer.by_lpm = record.outcome == "refused";
        return answer;
    }
    if (looked.archive.error().code == Errc::denied) // nobody tells of archives
        return still_unknown(heard, named + " says that the runtime completed it, and " +
                                        looked.archive.error().text);
    return waited < until_packed
               ? std::nullopt
               : std::optional(still_unknown(
                     heard, named + " says that the runtime completed it, and no archive has come"));
}

static bool is_passing(const Error& error) {
    return error.code == Errc::unavailable || error.code == Errc::io || error.code == Errc::busy;
}

bool needs_record(const Answer& heard, const Result<NodeArchive>& archive) {
    return !archive && heard.kind == Kind::unknown;
}

std::optional<Answer> judge_outcome(const Answer& heard, const Looked& looked, std::chrono::seconds waited) {
    if (looked.archive)
        return judge_archive(heard, *looked.archive, waited);
    const Error& error = looked.archive.error();
    if (heard.kind == Kind::completed) // as it was before there were sidecars, and said so
        return is_passing(error) && waited < second_look ? std::nullopt : std::optional(heard);
    if (looked.record)
        return judge_record(heard, looked, waited);
    const Error& why = is_passing(error) ? error : looked.record.error();
    if (is_passing(why))
        return waited < until_it_answers ? std::nullopt : std::optional(still_unknown(heard, why.text));
    if (why.code == Errc::absent && waited < until_it_begins)
        return std::nullopt;
    return still_unknown(
        heard, why.code == Errc::absent ? "the node has neither an archive nor a record of it" : why.text);
}

// As long as it may be, without half a character at its end.
static std::string excerpt_of(std::string text) {
    if (text.size() <= longest_excerpt)
        return text;
    std::size_t end = longest_excerpt;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U)
        --end;
    text.resize(end);
    return text;
}

static void write_record(Status& status, const NodeRecord& record) {
    const auto milliseconds = [](std::optional<std::int64_t> microseconds) {
        return microseconds ? std::optional(*microseconds / 1000) : std::nullopt;
    };
    status.record = record.id;
    status.frozen_ms = milliseconds(record.stood_still_us);
    status.dump_ms = milliseconds(record.criu_us);
    if (!record.checks.empty())
        status.checks = record.checks;
    if (record.state == "final" && record.outcome != "completed")
        status.log_excerpt = excerpt_of(record.message);
}

void write_told(Status& status, const Told& told, Time now) {
    if (told.preflight) {
        const Preflight& preflight = *told.preflight;
        status.set_condition("PreflightPassed", preflight.passed, preflight.reason, preflight.message, now);
        if (!preflight.checks.empty())
            status.checks = preflight.checks;
    }
    if (told.record)
        write_record(status, *told.record);
    if (told.record && !told.preflight) { // another controller has asked beforehand
        const bool refused = told.record->outcome == "refused";
        status.set_condition("PreflightPassed", refused ? "False" : "True",
                             refused ? told.record->code : "ChecksPassed", "", now);
    }
    if (told.archive)
        status.size = told.archive->size;
    std::erase_if(status.conditions, [](const Condition& one) { return one.type == "Recorded"; });
    if (told.bypassed)
        status.set_condition(
            "Recorded", "False", "RuntimeBypassed",
            "the checkpoint went past lpm, unchecked and unrecorded: let runtime_path of the "
            "container's handler name /etc/lpm/bin/runc on " +
                status.node + ", and see that /etc/lpm/bypass is not there",
            now);
}

static bool is_sha256(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool write_verified(Status& status, const NodeVerified& verified, Time now) {
    const bool same = status.attempt && status.attempt->uid == verified.attempt;
    if (!same || status.archive.empty() || !is_sha256(verified.sha256))
        return false;
    status.archive_digest = "sha256:" + verified.sha256;
    const bool fits = verified.faults.empty();
    status.set_condition("Verified", fits ? "True" : "False", fits ? "ArchiveVerified" : "ArchiveFaulty",
                         one_line(verified.faults, longest_message), now);
    return true;
}

} // namespace lpm::controller
