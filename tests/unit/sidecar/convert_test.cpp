// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "convert.hpp"

#include <gtest/gtest.h>

#include "status.hpp"

using namespace lpm;

static record::Record full_record() {
    record::Record record = record::begin_record(record::Operation::checkpoint);
    record.attempt = "uid-1";
    record.object = {"shop", "save", "uid-2"};
    record.final = true;
    record.outcome = record::Outcome::failed;
    record.container = "abc";
    record.root = "/run/runc";
    record.frozen = true;
    record.names = {{"pod", "web"}};
    record.findings = {{"TcpEstablished", config::Severity::block, record::Verdict::covered, "why"}};
    record.hooks = {{"save", record::HookPoint::pre_checkpoint, record::HookOutcome::done, "", 7}};
    record.exit_status = 1;
    record.code = "CriuError";
    record.message = "what";
    record.stats = {{"frozen_us", 12}};
    record.image_bytes = 0;
    record.notes = {"a note"};
    return record;
}

TEST(Convert, has_what_the_record_has) {
    node::v1::Record to;
    sidecar::convert(full_record(), to);
    EXPECT_EQ(to.attempt(), "uid-1");
    EXPECT_EQ(to.object().name(), "save");
    EXPECT_EQ(to.state(), "final");
    EXPECT_EQ(to.outcome(), "failed");
    EXPECT_EQ(to.container().names().at("pod"), "web");
    EXPECT_TRUE(to.container().frozen());
    EXPECT_EQ(to.checks(0).verdict(), "covered");
    EXPECT_EQ(to.hooks(0).time_ms(), 7U);
    EXPECT_EQ(to.exit_status(), 1);
    EXPECT_FALSE(to.has_signal()) << "0 and nothing are two things";
    EXPECT_TRUE(to.has_image_bytes());
    EXPECT_FALSE(to.has_stood_still_us());
    EXPECT_EQ(to.stats().at("frozen_us"), 12U);
    EXPECT_EQ(to.notes(0), "a note");
}

TEST(Convert, leaves_out_what_the_record_has_not) {
    node::v1::Record to;
    sidecar::convert(record::begin_record(record::Operation::restore), to);
    EXPECT_EQ(to.state(), "intent");
    EXPECT_EQ(to.outcome(), "");
    EXPECT_FALSE(to.has_object());
    EXPECT_FALSE(to.has_exit_status());
}

TEST(Convert, reads_requests_as_the_gate_does) {
    node::v1::PrepareRequest from;
    EXPECT_EQ(sidecar::read_request(from).error().code, Errc::invalid);
    from.mutable_target()->set_id("abc");
    EXPECT_NE(sidecar::read_request(from).error().text.find("attempt"), std::string::npos);
    from.set_attempt("uid-1");
    (*from.mutable_options())["tcp"] = "close";
    const auto read = sidecar::read_request(from);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->ttl, std::chrono::seconds(60));
    EXPECT_EQ(read->options, (record::OptionList{{"tcp", "close"}}));
    from.set_ttl_seconds(4000);
    EXPECT_NE(sidecar::read_request(from).error().text.find("ttl_s"), std::string::npos);
}

TEST(Status, tells_what_the_client_can_do) {
    using grpc::StatusCode;
    EXPECT_EQ(sidecar::status_of({Errc::invalid, 0, "x"}).error_code(), StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(sidecar::status_of({Errc::denied, 0, "x"}).error_code(), StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(sidecar::status_of({Errc::absent, 0, "x"}).error_code(), StatusCode::NOT_FOUND);
    EXPECT_EQ(sidecar::status_of({Errc::busy, 0, "x"}).error_code(), StatusCode::ABORTED);
    EXPECT_EQ(sidecar::status_of({Errc::unavailable, 0, "x"}).error_code(), StatusCode::UNAVAILABLE);
    EXPECT_EQ(sidecar::status_of({Errc::io, 0, "why"}).error_message(), "why");
}
