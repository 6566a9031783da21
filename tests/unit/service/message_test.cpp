// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "service/message.hpp"

#include <gtest/gtest.h>

using namespace lpm;

static std::string problem_of(std::string_view text) {
    const auto request = service::parse_request(text);
    EXPECT_FALSE(request) << text;
    if (request)
        return {};
    EXPECT_EQ(request.error().code, Errc::invalid);
    return request.error().text;
}

TEST(Request, comes_back_as_it_was_written) {
    const service::Request request{.verb = service::Verb::prepare,
                                   .target = {"shop", "web-1", "uid-1", "app", "0123abcd"},
                                   .options = {{"tcp", "close"}},
                                   .attempt = "c0ffee-1",
                                   .object = {"shop", "save-web", "uid-2"},
                                   .ttl = std::chrono::seconds(90)};
    const auto read = service::parse_request(service::write_request(request));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->verb, service::Verb::prepare);
    EXPECT_EQ(read->target.name_space, "shop");
    EXPECT_EQ(read->target.pod, "web-1");
    EXPECT_EQ(read->target.pod_uid, "uid-1");
    EXPECT_EQ(read->target.name, "app");
    EXPECT_EQ(read->target.id, "0123abcd");
    EXPECT_EQ(read->attempt, "c0ffee-1");
    EXPECT_EQ(read->object.name, "save-web");
    EXPECT_EQ(read->options, request.options);
    EXPECT_EQ(read->ttl, request.ttl);
}

TEST(Request, says_what_is_wrong_with_it) {
    EXPECT_NE(problem_of(R"({"verb":"destroy"})").find("verb"), std::string::npos);
    EXPECT_NE(problem_of(R"({"verb":"preflight","pod":"p","name":"n"})").find("namespace"),
              std::string::npos);
    EXPECT_NE(problem_of(R"({"verb":"preflight","id":"a/../b"})").find("id"), std::string::npos);
    EXPECT_NE(problem_of(R"({"verb":"prepare","id":"a"})").find("attempt"), std::string::npos);
    EXPECT_NE(problem_of(R"({"verb":"prepare","id":"a","attempt":"u","ttl_s":0})").find("ttl_s"),
              std::string::npos);
    EXPECT_NE(problem_of(R"({"verb":"prepare","id":"a","attempt":"u","ttl_s":"9"})").find("ttl_s"),
              std::string::npos);
    EXPECT_NE(
        problem_of(R"({"verb":"prepare","id":"a","attempt":"u","options":{"tcp":1}})").find("options.tcp"),
        std::string::npos);
    EXPECT_NE(problem_of(R"({"verb":"preflight","id":")" + std::string(300, 'a') + R"("})").find("253"),
              std::string::npos);
}

TEST(Answer, is_a_record_or_an_error) {
    record::Record record = record::begin_record(record::Operation::checkpoint);
    record.container = "abc";
    record.code = "TcpEstablished";
    record.message = "why";
    record.transient = true;
    record.findings = {{"TcpEstablished", config::Severity::block, record::Verdict::block, "why"}};
    const auto read = service::parse_answer(service::write_answer(record));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->container, "abc");
    EXPECT_EQ(read->code, "TcpEstablished");
    EXPECT_TRUE(read->transient);
    ASSERT_EQ(read->findings.size(), 1U);
    EXPECT_EQ(read->findings[0].verdict, record::Verdict::block);

    for (const Errc code :
         {Errc::invalid, Errc::denied, Errc::absent, Errc::busy, Errc::unavailable, Errc::io}) {
        const auto failed = service::parse_answer(service::write_answer(fail(code, "what")));
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error().code, code);
        EXPECT_EQ(failed.error().text, "what");
    }
    for (const char* text :
         {"", "{}", R"({"error":{"code":"odd"}})", R"({"record":7})", "lpm-gate: no such verb"})
        EXPECT_FALSE(service::parse_answer(text)) << text;
}
