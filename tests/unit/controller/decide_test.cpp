// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "decide.hpp"

#include <algorithm>
#include <gtest/gtest.h>

using namespace lpm;
using namespace lpm::controller;
using namespace std::chrono_literals;
using Do = Action::Kind;

static const Time noon = *read_time("2026-01-31T12:00:00Z");

static Checkpoint object() {
    Checkpoint made;
    made.key = {"default", "cp"};
    made.uid = "11111111-2222-3333-4444-555555555555";
    made.version = "7";
    made.generation = 1;
    made.created = noon - 3s;
    made.spec.pod = "web";
    made.spec.container = "web";
    return made;
}

static Pod pod() {
    Pod made;
    made.uid = "pod-uid";
    made.node = "n1";
    made.phase = "Running";
    made.containers.push_back(
        {.name = "web", .image = "docker.io/library/nginx:1", .running = true, .id = "c1"});
    return made;
}

static Observed observed() {
    Observed made;
    made.now = noon;
    made.holder = "me";
    made.fresh_uid = "attempt-1";
    made.pod_known = true;
    made.content_known = true;
    made.pod = pod();
    return made;
}

static const Condition* condition(const Status& status, std::string_view type) {
    const auto at = std::ranges::find(status.conditions, type, &Condition::type);
    return at == status.conditions.end() ? nullptr : &*at;
}

TEST(Decide, starts_an_attempt_of_a_container_that_runs) {
    const Action action = decide(object(), observed());
    ASSERT_EQ(action.kind, Do::start);
    EXPECT_EQ(action.target.node, "n1");
    EXPECT_EQ(action.target.container, "web");
    EXPECT_EQ(action.target.timeout, 600);
    EXPECT_EQ(action.status.phase, "Running");
    EXPECT_EQ(action.status.attempt->uid, "attempt-1");
    EXPECT_EQ(action.status.attempt->number, 1);
    EXPECT_EQ(action.status.attempt->holder, "me");
    EXPECT_EQ(action.status.pod_uid, "pod-uid");
    EXPECT_EQ(action.status.queued_ms, 3000);
    EXPECT_EQ(condition(action.status, "PreflightPassed")->status, "Unknown");
    EXPECT_EQ(condition(action.status, "PreflightPassed")->reason, "NoSidecar");
    EXPECT_EQ(condition(action.status, "Ready")->status, "False");
}

TEST(Decide, asks_for_the_pod_first) {
    Observed known = observed();
    known.pod_known = false;
    EXPECT_EQ(decide(object(), known).kind, Do::look);
}

TEST(Decide, what_another_controller_has_begun_is_told_by_its_content) {
    Checkpoint checkpoint = object();
    checkpoint.status = decide(checkpoint, observed()).status;
    Observed known = observed();
    known.content_known = false;
    EXPECT_EQ(decide(checkpoint, known).kind, Do::look);
    known.content_known = true;
    known.archive = "/a.tar";
    const Action action = decide(checkpoint, known);
    EXPECT_EQ(action.kind, Do::write);
    EXPECT_EQ(action.status.phase, "Completed");
    EXPECT_EQ(action.status.archive, "/a.tar");
}

TEST(Decide, what_became_of_an_attempt_is_asked_of_the_node) {
    Observed known = observed();
    known.sidecar = true;
    Checkpoint checkpoint = object();
    checkpoint.status = decide(checkpoint, known).status;
    EXPECT_EQ(condition(checkpoint.status, "PreflightPassed")->reason, "CheckpointRunning");
    EXPECT_EQ(decide(checkpoint, known).kind, Do::settle);
    known.archive = "/a.tar"; // the content has it
    EXPECT_EQ(decide(checkpoint, known).status.phase, "Completed");
}

TEST(Decide, a_dry_run_may_be_made_again) {
    Observed known = observed();
    known.sidecar = true;
    Checkpoint checkpoint = object();
    checkpoint.spec.dry_run = true;
    checkpoint.spec.options["tcp"] = "close";
    const Action first = decide(checkpoint, known);
    ASSERT_EQ(first.kind, Do::start);
    checkpoint.status = first.status;
    EXPECT_EQ(decide(checkpoint, known).kind, Do::start) << "the controller before has ended meanwhile";
}

TEST(Decide, what_a_former_attempt_was_told_goes) {
    Checkpoint checkpoint = object();
    checkpoint.status.size = checkpoint.status.frozen_ms = checkpoint.status.dump_ms = 7;
    checkpoint.status.record = checkpoint.status.log_excerpt = "of another";
    const Status status = decide(checkpoint, observed()).status;
    EXPECT_FALSE(status.size || status.frozen_ms || status.dump_ms);
    EXPECT_EQ(status.record + status.log_excerpt, "");
}

TEST(Decide, does_nothing_while_a_request_is_under_way) {
    Observed busy = observed();
    busy.under_way = true;
    EXPECT_EQ(decide(object(), busy).kind, Do::none);
}

struct Refused {
    const char* reason;
    void (*change)(Checkpoint&, Observed&);
    const char* says;
};

TEST(Decide, refuses_what_cannot_come_true) {
    const Refused rows[] = {
        {"PodNotFound", [](Checkpoint&, Observed& o) { o.pod.reset(); }, "pod not found"},
        {"ContainerNotFound", [](Checkpoint& c, Observed&) { c.spec.container = "db"; }, "it has web"},
        {"PodNotRunning", [](Checkpoint&, Observed& o) { o.pod->phase = "Succeeded"; }, "has ended"},
        {"PodNotRunning", [](Checkpoint&, Observed& o) { o.pod->deleted = true; }, "being deleted"},
        {"PodReplaced", [](Checkpoint& c, Observed&) { c.status.pod_uid = "other"; }, "another one"},
        {"NoSidecar", [](Checkpoint& c, Observed&) { c.spec.dry_run = true; }, "dryRun"},
        {"NoSidecar", [](Checkpoint& c, Observed&) { c.spec.options["tcp"] = "close"; }, "options"},
        {"CrdTooOld", [](Checkpoint&, Observed& o) { o.crd_too_old = true; }, "deploy/crd.yaml"},
        {"OutcomeUnknown",
         [](Checkpoint& c, Observed&) {
             c.status.phase = "Running";
             c.status.attempt = Attempt{"a", 1, "the one before", "", ""};
         },
         "the one before"},
        {"ContainerNotRunning",
         [](Checkpoint& c, Observed& o) {
             c.spec.timeout = 10;
             c.status.start = write_seconds(noon - 10s);
             o.pod->containers[0].running = false;
         },
         "did not change in 10 s"},
        {"TcpEstablished",
         [](Checkpoint& c, Observed&) {
             c.spec.timeout = 10;
             c.status.start = write_seconds(noon - 10s);
             c.status.reason = "TcpEstablished";
             c.status.attempt = Attempt{"a", 4, "me", "", write_time(noon)};
         },
         "4 attempts in 10 s"},
    };
    for (const Refused& row : rows) {
        Checkpoint checkpoint = object();
        Observed known = observed();
        row.change(checkpoint, known);
        const Action action = decide(checkpoint, known);
        EXPECT_EQ(action.kind, Do::write) << row.reason;
        EXPECT_EQ(action.status.phase, "Failed") << row.reason;
        EXPECT_EQ(action.status.reason, row.reason);
        EXPECT_NE(action.status.message.find(row.says), std::string::npos) << action.status.message;
        EXPECT_FALSE(action.status.completion.empty());
        ASSERT_EQ(action.events.size(), 1U);
        EXPECT_TRUE(action.events[0].warning);
    }
}

TEST(Decide, a_clock_that_was_set_back_makes_nobody_wait) {
    Checkpoint checkpoint = object();
    checkpoint.spec.timeout = 60;
    checkpoint.status.phase = "Pending";
    checkpoint.status.reason = "TcpEstablished";
    checkpoint.status.start = write_seconds(noon + 5h);
    checkpoint.status.attempt = Attempt{"a", 1, "me", "", write_time(noon + 5h)};
    EXPECT_EQ(decide(checkpoint, observed()).kind, Do::start);
    checkpoint.created = noon - 61s;
    EXPECT_EQ(decide(checkpoint, observed()).status.phase, "Failed");
}

TEST(Decide, why_it_was_refused_is_not_lost_in_the_queue) {
    Checkpoint checkpoint = object();
    checkpoint.status.phase = "Pending";
    checkpoint.status.reason = "TcpEstablished";
    checkpoint.status.start = write_seconds(noon);
    checkpoint.status.attempt = Attempt{"a", 1, "me", "", write_time(noon)};
    Observed full = observed();
    full.has_room = false;
    full.room_in = 5s;
    EXPECT_EQ(decide(checkpoint, full).kind, Do::wait);
    EXPECT_EQ(decide(checkpoint, full).when, noon + 5s);
}

TEST(Decide, says_so_when_the_pod_may_not_be_read) {
    Observed denied = observed();
    denied.pod.reset();
    denied.pod_denied = "403: pods is forbidden";
    const Action action = decide(object(), denied);
    EXPECT_EQ(action.status.phase, "Pending");
    EXPECT_EQ(action.status.reason, "PodUnreadable");
}

TEST(Decide, waits_for_what_may_come) {
    const Refused rows[] = {
        {"PodNotRunning", [](Checkpoint&, Observed& o) { o.pod->node.clear(); }, "on no node"},
        {"ContainerNotRunning",
         [](Checkpoint&, Observed& o) {
             o.pod->containers[0].running = false;
             o.pod->containers[0].waiting = "ContainerCreating";
         },
         "ContainerCreating"},
        {"CheckpointQueued", [](Checkpoint&, Observed& o) { o.has_room = false; }, "waits for other"},
    };
    for (const Refused& row : rows) {
        Checkpoint checkpoint = object();
        Observed known = observed();
        row.change(checkpoint, known);
        const Action first = decide(checkpoint, known);
        ASSERT_EQ(first.kind, Do::write) << row.reason;
        EXPECT_EQ(first.status.phase, "Pending");
        EXPECT_EQ(first.status.reason, row.reason);
        EXPECT_NE(first.status.message.find(row.says), std::string::npos) << first.status.message;
        checkpoint.status = first.status;
        EXPECT_EQ(decide(checkpoint, known).kind, Do::wait) << "says the same again: " << row.reason;
    }
}

TEST(Decide, takes_the_only_container_by_its_image) {
    Checkpoint checkpoint = object();
    checkpoint.spec.container = "nginx";
    const Action action = decide(checkpoint, observed());
    ASSERT_EQ(action.kind, Do::start);
    EXPECT_EQ(action.status.container, "web");
    EXPECT_EQ(action.events[0].reason, "ContainerNameByImage");
    Observed two = observed();
    two.pod->containers.push_back({.name = "other", .image = "nginx", .running = true});
    EXPECT_EQ(decide(checkpoint, two).status.reason, "ContainerNotFound");
}

TEST(Decide, warns_of_a_liveness_probe_that_would_not_wait) {
    Observed known = observed();
    known.pod->containers[0].patience = 30;
    known.pod->containers[0].memory_limit = std::uint64_t{4} << 30;
    EXPECT_EQ(decide(object(), known).events[0].reason, "LivenessProbeTight");
    known.pod->containers[0].memory_limit = 1 << 20;
    EXPECT_NE(decide(object(), known).events[0].reason, "LivenessProbeTight");
}

TEST(Decide, a_finished_object_has_its_time) {
    Checkpoint checkpoint = object();
    checkpoint.status.phase = "Completed";
    checkpoint.status.completion = write_seconds(noon - 60s);
    EXPECT_EQ(decide(checkpoint, observed()).kind, Do::none);
    checkpoint.spec.ttl = 61;
    EXPECT_EQ(decide(checkpoint, observed()).kind, Do::wait);
    EXPECT_EQ(decide(checkpoint, observed()).when, noon + 1s);
    checkpoint.spec.ttl = 60;
    EXPECT_EQ(decide(checkpoint, observed()).kind, Do::remove);
}

TEST(Decide, a_deleted_object_is_cleaned_when_there_is_something_to_clean) {
    Checkpoint checkpoint = object();
    checkpoint.deleted = true;
    EXPECT_EQ(decide(checkpoint, observed()).kind, Do::none);
    checkpoint.finalizers = {finalizer};
    EXPECT_EQ(decide(checkpoint, observed()).kind, Do::clean);
}

TEST(Decide, the_time_limit_follows_the_memory) {
    Spec spec;
    Container container;
    EXPECT_EQ(time_limit(spec, &container), 600);
    container.memory_limit = 1 << 20;
    EXPECT_EQ(time_limit(spec, &container), 120);
    container.memory_limit = std::uint64_t{100} << 30;
    EXPECT_EQ(time_limit(spec, &container), 60 + 1024);
    container.memory_limit = std::uint64_t{100} << 40;
    EXPECT_EQ(time_limit(spec, &container), 3600);
    spec.timeout = 5;
    EXPECT_EQ(time_limit(spec, &container), 5);
    EXPECT_EQ(longest_wait(5), 135s);
    EXPECT_EQ(longest_wait(300), 315s);
}

TEST(Decide, pauses_double_up_to_half_a_minute) {
    EXPECT_EQ(pause_after(1), 2s);
    EXPECT_EQ(pause_after(2), 4s);
    EXPECT_EQ(pause_after(4), 16s);
    EXPECT_EQ(pause_after(5), 30s);
    EXPECT_EQ(pause_after(500), 30s);
}

static Checkpoint running() {
    Checkpoint made = object();
    made.status = decide(made, observed()).status;
    return made;
}

TEST(Conclude, an_archive_completes_it) {
    const Conclusion end =
        conclude(running(), {Answer::Kind::completed, "", "", "/a.tar"}, "pod-uid", observed());
    EXPECT_TRUE(end.has_archive);
    EXPECT_EQ(end.status.phase, "Completed");
    EXPECT_TRUE(end.status.ready);
    EXPECT_EQ(end.status.archive, "/a.tar");
    EXPECT_EQ(end.status.content, "default.cp.11111111");
    EXPECT_EQ(condition(end.status, "Ready")->status, "True");
}

TEST(Conclude, of_another_pod_nobody_knows) {
    const Conclusion end =
        conclude(running(), {Answer::Kind::completed, "", "", "/a.tar"}, "another", observed());
    EXPECT_FALSE(end.has_archive);
    EXPECT_EQ(end.status.phase, "Failed");
    EXPECT_EQ(end.status.reason, "PodReplaced");
    EXPECT_EQ(end.status.archive, "/a.tar");
}

TEST(Conclude, a_refusal_that_may_pass_is_tried_again_until_the_time_is_over) {
    Answer answer{Answer::Kind::transient, "TcpEstablished", "a connection", "", true};
    Checkpoint checkpoint = running();
    const Conclusion again = conclude(checkpoint, answer, "pod-uid", observed());
    EXPECT_EQ(again.status.phase, "Pending");
    EXPECT_EQ(again.status.attempt->not_before, write_time(noon + 2s));
    EXPECT_EQ(again.status.checks[0].id, "TcpEstablished");
    checkpoint.spec.timeout = 1;
    EXPECT_EQ(conclude(checkpoint, answer, "pod-uid", observed()).status.phase, "Failed");
    answer.kind = Answer::Kind::refused;
    EXPECT_EQ(conclude(running(), answer, "pod-uid", observed()).status.reason, "TcpEstablished");
}
