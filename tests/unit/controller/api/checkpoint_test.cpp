// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "api/checkpoint.hpp"

#include <gtest/gtest.h>

#include "schema.hpp"

using namespace lpm;
using namespace lpm::controller;

static json::Value object() {
    return *json::parse(
        R"({"metadata": {"namespace": "a", "name": "b", "uid": "12345678-9", "resourceVersion": "5",
        "generation": 2, "creationTimestamp": "2026-01-31T12:00:00Z", "finalizers": ["other"]},
        "spec": {"podName": "p", "containerName": "c", "timeoutSeconds": 9, "deletionPolicy": "Delete",
                 "options": {"tcp": "close"}}})");
}

TEST(Checkpoint, is_what_was_written_of_it) {
    Checkpoint read = *read_checkpoint(object());
    EXPECT_EQ(read.spec.timeout, 9);
    EXPECT_TRUE(read.spec.remove_archive);
    EXPECT_EQ(read.spec.options, (std::map<std::string, std::string>{{"tcp", "close"}}));
    Status status;
    status.phase = "Running";
    status.generation = 2;
    status.attempt = Attempt{"u", 1, "h", "s", ""};
    status.checks = {{"A", "block", "m"}};
    status.restores = {{"p2", "u2", "c", "n", "2026-01-31T12:00:00Z", "01M", "refused", "ArchiveMissing"},
                       {"p1", "u1", "c", "n", "2026-01-31T12:00:00Z", "01L", "completed", ""}};
    status.queued_ms = 0;
    status.frozen_ms = 250;
    status.dump_ms = 90;
    status.size = std::int64_t{5} << 32;
    status.record = "01M86A8CP04PT3J4G0VS4YRB7K";
    status.log_excerpt = "Error (criu/sk-inet.c:191)\nand more";
    status.set_condition("Ready", "False", "R", "", Time{});
    const auto patch = status_patch(read, status);
    EXPECT_EQ(json::text_or_empty(patch, "metadata.resourceVersion"), "5");
    json::Value after = object();
    after["status"] = patch["status"];
    EXPECT_EQ(read_checkpoint(after)->status, status);
}

TEST(Checkpoint, a_patch_says_what_changes_and_nothing_else) {
    json::Value before = object();
    before["status"] =
        *json::parse(R"({"phase": "Running", "ready": false, "message": "x", "ofAnother": "not ours",
        "attempt": {"uid": "u", "number": 1, "notBefore": "t"}})");
    const Checkpoint read = *read_checkpoint(before);
    Status status = read.status;
    status.phase = "Failed";
    status.message.clear();
    status.attempt->not_before.clear();
    EXPECT_EQ(status_patch(read, status)["status"],
              *json::parse(R"({"phase": "Failed", "message": null, "attempt": {"notBefore": null}})"));
}

TEST(Checkpoint, fields_that_the_crd_lacks_are_left_out) {
    Checkpoint read = *read_checkpoint(object());
    Status status;
    status.phase = "Running";
    status.image = "i";
    status.attempt = Attempt{"u", 1, "h", "s", ""};
    auto patch = status_patch(read, status);
    drop_fields(patch, {"image", "attempt.holder", "timings.queuedMilliseconds"});
    EXPECT_FALSE(patch["status"].contains("image"));
    EXPECT_FALSE(patch["status"]["attempt"].contains("holder"));
    EXPECT_EQ(patch["status"]["attempt"]["uid"], "u");
}

TEST(Checkpoint, a_condition_keeps_its_time_while_its_status_stays) {
    Status status;
    status.set_condition("Ready", "False", "A", "", Time{});
    const std::string since = status.conditions[0].since;
    status.set_condition("Ready", "False", "B", "", Time{} + std::chrono::hours(1));
    EXPECT_EQ(status.conditions[0].since, since);
    EXPECT_EQ(status.conditions[0].reason, "B");
    status.set_condition("Ready", "True", "C", "", Time{} + std::chrono::hours(1));
    EXPECT_NE(status.conditions[0].since, since);
    EXPECT_EQ(status.conditions.size(), 1U);
}

TEST(Checkpoint, content_has_a_name_of_its_own) {
    Checkpoint read = *read_checkpoint(object());
    EXPECT_EQ(content_name(read), "a.b.12345678");
    read.key.name = std::string(252, 'x') + "y";
    EXPECT_EQ(content_name(read).size(), 253U);
    EXPECT_TRUE(content_name(read).ends_with(".12345678"));
    Status status;
    status.archive = "/x.tar";
    const auto content = content_of(read, status);
    EXPECT_TRUE(is_content_of(content, read));
    EXPECT_EQ(json::text_or_empty(content, "spec.artifactURI"), "file:///x.tar");
    read.uid = "other";
    EXPECT_FALSE(is_content_of(content, read));
}

TEST(Checkpoint, what_is_none_is_refused) {
    for (const char* text : {"{}", "[]", "1", R"({"metadata": {"name": "x"}})", R"({"metadata": []})"})
        EXPECT_FALSE(read_checkpoint(*json::parse(text))) << text;
}

TEST(Schema, tells_which_fields_an_old_crd_lacks) {
    const auto crd =
        *json::parse(R"({"spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"properties":
        {"status": {"properties": {"phase": {}, "message": {}, "ready": {}, "boundContentName": {},
        "completionTime": {}}}}}}}]}})");
    Schema schema;
    EXPECT_FALSE(schema.is_too_old());
    schema.set(missing_fields(crd));
    EXPECT_TRUE(schema.is_too_old());
    for (const char* field : {"phase", "podUID", "startTime", "attempt", "attempt.uid", "attempt.holder",
                              "attempt.number", "attempt.notBefore"}) {
        schema.set({field});
        EXPECT_TRUE(schema.is_too_old()) << field;
    }
    schema.set({"timings", "image"});
    EXPECT_FALSE(schema.is_too_old());
    schema.set(missing_fields(crd));
    const auto missing = schema.missing();
    EXPECT_TRUE(std::ranges::contains(missing, "attempt.uid"));
    EXPECT_FALSE(std::ranges::contains(missing, "phase"));
}
