// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "told.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "decide.hpp"

using namespace lpm;
using namespace lpm::controller;
using namespace std::chrono_literals;
using Kind = Answer::Kind;

static const Time noon = *read_time("2026-01-31T12:00:00Z");

static Spec plain() {
    return {};
}
static Spec dry() {
    Spec spec;
    spec.dry_run = true;
    return spec;
}
static Spec with_options() {
    Spec spec;
    spec.options["tcp"] = "close";
    return spec;
}

static NodeVerdict blocks(bool transient) {
    return {"TcpEstablished", "a connection", transient, {{"TcpEstablished", "block", "a connection"}}};
}

TEST(Preflight, nothing_speaks_against_it) {
    const NodeVerdict fine{.checks = {{"ExecSession", "warn", "one"}}};
    const Preflight out = judge_preflight(plain(), "n1", 1, fine);
    EXPECT_EQ(out.passed, "True");
    EXPECT_EQ(out.reason, "ChecksPassed");
    EXPECT_TRUE(out.prepared);
    EXPECT_FALSE(out.end);
    EXPECT_EQ(out.checks, fine.checks);
    const Preflight only = judge_preflight(dry(), "n1", 1, fine);
    EXPECT_FALSE(only.prepared);
    ASSERT_TRUE(only.end);
    EXPECT_EQ(only.end->kind, Kind::checked);
}

TEST(Preflight, a_check_that_blocks_is_a_refusal_without_a_request) {
    struct Row {
        Spec spec;
        bool transient;
        Kind kind;
    };
    for (const Row& row : {Row{plain(), true, Kind::transient}, Row{plain(), false, Kind::refused},
                           Row{dry(), true, Kind::refused}, Row{dry(), false, Kind::refused}}) {
        const Preflight out = judge_preflight(row.spec, "n1", 1, blocks(row.transient));
        EXPECT_EQ(out.passed, "False");
        EXPECT_EQ(out.reason, "TcpEstablished");
        EXPECT_FALSE(out.prepared);
        ASSERT_TRUE(out.end);
        EXPECT_EQ(out.end->kind, row.kind);
        EXPECT_EQ(out.end->reason, "TcpEstablished");
        EXPECT_EQ(out.end->message, "a connection");
        EXPECT_TRUE(out.end->by_lpm);
    }
}

TEST(Preflight, who_cannot_be_asked_is_gone_without_unless_he_is_needed) {
    struct Row {
        Errc code;
        const char* reason;
        const char* says;
        Kind needed; // how it ends for who needs the sidecar
    };
    const Row rows[] = {{Errc::unavailable, "NoSidecar", "systemctl status lpm-sidecar", Kind::transient},
                        {Errc::io, "NoSidecar", "why not", Kind::transient},
                        {Errc::denied, "NoSidecar", "[clients]", Kind::transient},
                        {Errc::absent, "RuntimeBypassed", "runtime_path", Kind::transient}};
    for (const Row& row : rows) {
        const Result<NodeVerdict> told = fail(row.code, "why not");
        const Preflight out = judge_preflight(plain(), "n1", 1, told);
        EXPECT_EQ(out.passed, "Unknown");
        EXPECT_EQ(out.reason, row.reason);
        EXPECT_NE(out.message.find(row.says), std::string::npos) << out.message;
        EXPECT_NE(out.message.find("n1"), std::string::npos);
        EXPECT_FALSE(out.end);
        EXPECT_FALSE(out.prepared);
        for (const Spec& spec : {dry(), with_options()}) {
            const Preflight ends = judge_preflight(spec, "n1", 1, told);
            ASSERT_TRUE(ends.end) << row.reason;
            EXPECT_EQ(ends.end->kind, row.needed);
            EXPECT_EQ(ends.end->reason, row.reason);
        }
    }
}

TEST(Preflight, a_container_that_is_not_found_may_have_ended_just_now) {
    const Result<NodeVerdict> told = fail(Errc::absent, "not found");
    for (const Spec& spec : {dry(), with_options()}) {
        EXPECT_EQ(judge_preflight(spec, "n1", 1, told).end->kind, Kind::transient);
        EXPECT_EQ(judge_preflight(spec, "n1", 2, told).end->kind, Kind::refused);
    }
}

TEST(Preflight, a_container_with_which_something_goes_on_is_tried_again) {
    const Preflight out = judge_preflight(plain(), "n1", 1, fail(Errc::busy, "is paused"));
    ASSERT_TRUE(out.end);
    EXPECT_EQ(out.end->kind, Kind::transient);
    EXPECT_EQ(out.end->reason, "ContainerPaused");
    EXPECT_EQ(out.passed, "Unknown");
}

TEST(Preflight, options_that_are_none_end_it) {
    const Preflight out = judge_preflight(with_options(), "n1", 1, fail(Errc::invalid, "options: no"));
    ASSERT_TRUE(out.end);
    EXPECT_EQ(out.end->reason, "OptionsInvalid");
    EXPECT_FALSE(judge_preflight(plain(), "n1", 1, fail(Errc::invalid, "no")).end);
}

static const Answer unheard_of{Kind::unknown, "OutcomeUnknown", "no whole answer", "", false};
static const Answer done{Kind::completed, "", "", "/k/a.tar", false};

static Looked archive(const std::string& state) {
    return {NodeArchive{"/k/a.tar", 7, "1:2", state, "why", "R1"}, fail(Errc::absent, "")};
}
static Looked no_archive(Errc why, Result<NodeRecord> record = fail(Errc::absent, "there is no record")) {
    return {fail(why, "no archive"), std::move(record)};
}
static NodeRecord record(const std::string& state, const std::string& outcome = "", bool transient = false) {
    return {.id = "R1",
            .state = state,
            .outcome = outcome,
            .code = outcome == "completed" ? "" : "Code",
            .message = "the words of the record",
            .transient = transient};
}

TEST(Outcome, by_the_archive) {
    struct Row {
        const char* state;
        Answer heard;
        std::chrono::seconds waited;
        const char* reason; // nullptr: asked again
        Kind kind = Kind::refused;
    };
    const Row rows[] = {{"whole", unheard_of, 0s, "", Kind::completed},
                        {"whole", done, 0s, "", Kind::completed},
                        {"writing", unheard_of, 59min, nullptr},
                        {"writing", done, 59min, nullptr},
                        {"writing", unheard_of, 1h, "OutcomeUnknown", Kind::unknown},
                        {"truncated", unheard_of, 0s, "ArchiveTruncated"},
                        {"truncated", done, 0s, "ArchiveTruncated"},
                        {"incomplete", unheard_of, 0s, "ArchiveIncomplete"},
                        {"other", done, 0s, "ArchiveIncomplete"},
                        {"unknown", unheard_of, 4min, nullptr},
                        {"unknown", unheard_of, 5min, "OutcomeUnknown", Kind::unknown},
                        {"unknown", done, 5min, "ArchiveUnreadable"}};
    for (const Row& row : rows) {
        const auto answer = judge_outcome(row.heard, archive(row.state), row.waited);
        ASSERT_EQ(answer.has_value(), row.reason != nullptr) << row.state;
        if (!answer)
            continue;
        EXPECT_EQ(answer->kind, row.kind) << row.state;
        EXPECT_EQ(answer->reason, row.reason);
        EXPECT_EQ(answer->archive, row.kind == Kind::completed ? "/k/a.tar" : "");
        EXPECT_EQ(answer->message.empty(), row.kind == Kind::completed);
    }
}

TEST(Outcome, by_the_record_when_no_archive_has_it) {
    struct Row {
        Result<NodeRecord> record;
        std::chrono::seconds waited;
        const char* reason; // nullptr: asked again
        Kind kind = Kind::refused;
        Errc archive = Errc::absent;
    };
    const Row rows[] = {
        {record("final", "failed"), 0s, "Code"},
        {record("final", "interrupted"), 0s, "Code"},
        {record("final", "refused"), 0s, "Code"},
        {record("final", "refused", true), 0s, "Code"}, // never another attempt
        {record("final", "failed", true), 0s, "Code"},
        {record("intent"), 59min, nullptr},
        {record("intent"), 1h, "OutcomeUnknown", Kind::unknown},
        {record("final", "completed"), 9min, nullptr},
        {record("final", "completed"), 10min, "OutcomeUnknown", Kind::unknown},
        {record("final", "completed"), 0s, "OutcomeUnknown", Kind::unknown, Errc::denied},
        {record("final", "failed"), 0s, "Code", Kind::refused, Errc::unavailable},
        {fail(Errc::absent, "none"), 29s, nullptr},
        {fail(Errc::absent, "none"), 30s, "OutcomeUnknown", Kind::unknown},
        {fail(Errc::absent, "none"), 4min, nullptr, Kind::unknown, Errc::unavailable},
        {fail(Errc::absent, "none"), 5min, "OutcomeUnknown", Kind::unknown, Errc::unavailable},
        {fail(Errc::unavailable, "gone"), 4min, nullptr},
        {fail(Errc::unavailable, "gone"), 5min, "OutcomeUnknown", Kind::unknown},
        {fail(Errc::denied, "no right"), 0s, "OutcomeUnknown", Kind::unknown}};
    for (const Row& row : rows) {
        const auto answer = judge_outcome(unheard_of, no_archive(row.archive, row.record), row.waited);
        const std::string about =
            row.record ? row.record->state + row.record->outcome : row.record.error().text;
        ASSERT_EQ(answer.has_value(), row.reason != nullptr) << about;
        if (!answer)
            continue;
        EXPECT_EQ(answer->kind, row.kind) << about;
        EXPECT_EQ(answer->reason, row.reason) << about;
        EXPECT_EQ(answer->by_lpm, row.record && row.record->outcome == "refused");
    }
}

TEST(Outcome, what_the_kubelet_says_counts_when_the_node_says_nothing) {
    EXPECT_EQ(judge_outcome(done, no_archive(Errc::absent), 0s)->archive, "/k/a.tar");
    EXPECT_EQ(judge_outcome(done, no_archive(Errc::denied), 0s)->archive, "/k/a.tar");
    EXPECT_FALSE(judge_outcome(done, no_archive(Errc::unavailable), 29s));
    EXPECT_EQ(judge_outcome(done, no_archive(Errc::unavailable), 30s)->archive, "/k/a.tar");
}

TEST(Outcome, a_record_is_asked_for_when_it_decides) {
    EXPECT_TRUE(needs_record(unheard_of, fail(Errc::absent, "")));
    EXPECT_FALSE(needs_record(done, fail(Errc::absent, "")));
    EXPECT_FALSE(needs_record(unheard_of, NodeArchive{}));
}

static Checkpoint running() {
    Checkpoint made;
    made.key = {"default", "cp"};
    made.uid = "11111111-2222-3333-4444-555555555555";
    made.status.phase = "Running";
    made.status.pod_uid = "pod-uid";
    made.status.attempt = Attempt{"a", 1, "me", "", ""};
    return made;
}

static Observed observed() {
    Observed made;
    made.now = noon;
    return made;
}

static const Condition& condition(const Status& status, std::string_view type) {
    return *std::ranges::find(status.conditions, type, &Condition::type);
}

TEST(Conclude, what_the_node_told_is_written) {
    Told told;
    told.preflight = judge_preflight(plain(), "n1", 1, NodeVerdict{.checks = {{"A", "warn", "m"}}});
    told.archive = NodeArchive{"/k/a.tar", 7, "1:2", "whole", "", "R1"};
    told.record = record("final", "completed");
    told.record->stood_still_us = 250'400;
    told.record->criu_us = 90'000;
    told.kubelet_ms = 1500;
    const Conclusion end = conclude(running(), done, "another", observed(), told);
    EXPECT_TRUE(end.has_archive) << "its uid says of which container it is, whoever has the name now";
    EXPECT_EQ(end.status.phase, "Completed");
    EXPECT_EQ(end.status.size, 7);
    EXPECT_EQ(end.status.record, "R1");
    EXPECT_EQ(end.status.frozen_ms, 250);
    EXPECT_EQ(end.status.dump_ms, 90);
    EXPECT_EQ(end.status.checkpoint_ms, 1500);
    EXPECT_EQ(end.status.checks, told.preflight->checks);
    EXPECT_EQ(end.status.log_excerpt, "");
    EXPECT_EQ(condition(end.status, "PreflightPassed").status, "True");
}

TEST(Conclude, a_failure_has_the_words_of_the_record) {
    Told told;
    told.record = record("final", "failed");
    told.record->message = std::string(16383, 'x') + "\u00e4";
    const Conclusion end =
        conclude(running(), {Kind::refused, "Code", "m", "", false}, "pod-uid", observed(), told);
    EXPECT_EQ(end.status.phase, "Failed");
    EXPECT_EQ(end.status.log_excerpt, std::string(16383, 'x'));
    EXPECT_EQ(condition(end.status, "PreflightPassed").reason, "ChecksPassed")
        << "asked by the controller before";
}

TEST(Conclude, a_refusal_beforehand_is_tried_again_without_a_request) {
    Told told;
    told.preflight = judge_preflight(plain(), "n1", 1, blocks(true));
    const Conclusion end = conclude(running(), *told.preflight->end, "pod-uid", observed(), told);
    EXPECT_EQ(end.status.phase, "Pending");
    EXPECT_EQ(end.status.reason, "TcpEstablished");
    EXPECT_FALSE(end.status.checkpoint_ms) << "no kubelet was asked";
    EXPECT_EQ(condition(end.status, "PreflightPassed").status, "False");
    ASSERT_EQ(end.status.checks.size(), 1U);
}

TEST(Conclude, a_dry_run_has_no_archive) {
    Told told;
    told.preflight = judge_preflight(dry(), "n1", 1, NodeVerdict{.checks = {{"A", "warn", "m"}}});
    const Conclusion end = conclude(running(), *told.preflight->end, "pod-uid", observed(), told);
    EXPECT_EQ(end.status.phase, "Completed");
    EXPECT_EQ(end.status.reason, "DryRunCompleted");
    EXPECT_FALSE(end.status.ready);
    EXPECT_FALSE(end.has_archive);
    EXPECT_EQ(end.status.archive + end.status.content, "");
    EXPECT_EQ(condition(end.status, "Ready").status, "False");
    EXPECT_EQ(end.status.checks.size(), 1U);
    EXPECT_FALSE(end.events[0].warning);
}

TEST(Conclude, says_that_lpm_was_not_there) {
    Told told;
    told.bypassed = true;
    Checkpoint checkpoint = running();
    checkpoint.status = conclude(checkpoint, done, "pod-uid", observed(), told).status;
    EXPECT_EQ(condition(checkpoint.status, "Recorded").status, "False");
    EXPECT_EQ(condition(checkpoint.status, "Recorded").reason, "RuntimeBypassed");
    told.bypassed = false;
    const Status status = conclude(checkpoint, done, "pod-uid", observed(), told).status;
    EXPECT_FALSE(std::ranges::contains(status.conditions, "Recorded", &Condition::type));
}

TEST(Conclude, says_that_nobody_has_looked_at_the_archive) {
    Told told;
    told.preflight = judge_preflight(plain(), "n1", 1, fail(Errc::unavailable, "refused"));
    told.unchecked = told.preflight->message;
    const Conclusion end = conclude(running(), done, "pod-uid", observed(), told);
    EXPECT_EQ(end.status.phase, "Completed");
    EXPECT_EQ(condition(end.status, "Ready").message, told.unchecked);
    EXPECT_EQ(condition(end.status, "PreflightPassed").reason, "NoSidecar");
}

TEST(Told, a_verified_archive) {
    const std::string sha256 = std::string(60, '0') + "9abf";
    Status status;
    status.archive = "/k/a.tar";
    status.attempt.emplace().uid = "a1";
    const Status before = status;
    const NodeVerified fine{.attempt = "a1", .sha256 = sha256};
    EXPECT_TRUE(write_verified(status, fine, Time{}));
    EXPECT_EQ(status.archive_digest, "sha256:" + sha256);
    EXPECT_EQ(condition(status, "Verified").status, "True");
    NodeVerified faulty = fine;
    faulty.faults = "pages-1.img is too short";
    EXPECT_TRUE(write_verified(status, faulty, Time{}));
    EXPECT_EQ(condition(status, "Verified").status, "False");
    EXPECT_EQ(condition(status, "Verified").reason, "ArchiveFaulty");
    EXPECT_EQ(condition(status, "Verified").message, "pages-1.img is too short");

    for (const NodeVerified& other :
         {NodeVerified{.attempt = "a2", .sha256 = sha256}, NodeVerified{.sha256 = sha256},
          NodeVerified{.attempt = "a1", .sha256 = sha256.substr(1)},
          NodeVerified{.attempt = "a1", .sha256 = std::string(64, 'G')}, NodeVerified{.attempt = "a1"}}) {
        status = before;
        EXPECT_FALSE(write_verified(status, other, Time{}));
        EXPECT_EQ(status, before);
    }
    status.archive.clear();
    EXPECT_FALSE(write_verified(status, fine, Time{})) << "it has none";
}
