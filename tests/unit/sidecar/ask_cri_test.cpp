// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "ask_cri.hpp"

#include <gtest/gtest.h>

#include "cri_facts.hpp"

using namespace lpm;
using grpc::Status;
using grpc::StatusCode;
using sidecar::checkpoint_facts;
using sidecar::is_unknown;
using sidecar::status_facts;
using sidecar::version_facts;

static std::string why(const json::Value& facts) {
    EXPECT_TRUE(is_unknown(facts)) << facts;
    return json::text_or_empty(facts, "unknown");
}

static ::runtime::v1::StatusResponse status() {
    ::runtime::v1::StatusResponse answer;
    auto* condition = answer.mutable_status()->add_conditions();
    condition->set_type("RuntimeReady");
    condition->set_status(true);
    answer.add_runtime_handlers()->mutable_features()->set_user_namespaces(true);
    (*answer.mutable_info())["config"] = R"({"sandboxImage": "pause:1"})";
    return answer;
}

TEST(AskCri, takes_paths_and_unix_endpoints_only) {
    for (const auto* endpoint :
         {"/run/crio/crio.sock", "unix:/run/crio/crio.sock", "unix:///run/crio/crio.sock"})
        EXPECT_EQ(sidecar::socket_of(endpoint).value_or("none"), "/run/crio/crio.sock") << endpoint;
    for (const auto* endpoint :
         {"", "unix:", "unix://crio.sock", "crio.sock", "tcp://127.0.0.1:1", "unix-abstract:x"})
        EXPECT_FALSE(sidecar::socket_of(endpoint)) << endpoint;
    const auto longer = sidecar::socket_of("/" + std::string(200, 'x'));
    ASSERT_FALSE(longer);
    EXPECT_EQ(longer.error().code, Errc::invalid);
}

TEST(AskCri, has_a_word_for_what_a_runtime_says_of_checkpoints) {
    const auto answer = [](StatusCode code, const char* text) {
        return json::text_or_empty(checkpoint_facts({code, text}), "answer");
    };
    EXPECT_EQ(answer(StatusCode::NOT_FOUND, "could not find container \"0\""), "enabled");
    const char* off = "checkpoint/restore support not available";
    EXPECT_EQ(answer(StatusCode::UNKNOWN, off), "disabled");
    EXPECT_EQ(answer(StatusCode::UNIMPLEMENTED, off), "disabled") << "other versions of CRI-O";
    EXPECT_EQ(answer(StatusCode::UNIMPLEMENTED, "unknown method CheckpointContainer"), "not-implemented");
    EXPECT_EQ(checkpoint_facts({StatusCode::NOT_FOUND, "a\nb"})["said"], "a b");
}

// Neither that it takes checkpoints nor that it does not.
TEST(AskCri, takes_nothing_else_for_a_word_on_checkpoints) {
    EXPECT_NE(why(checkpoint_facts(Status::OK)).find("not there"), std::string::npos);
    for (const auto code : {StatusCode::UNKNOWN, StatusCode::DEADLINE_EXCEEDED, StatusCode::PERMISSION_DENIED,
                            StatusCode::RESOURCE_EXHAUSTED, StatusCode::INTERNAL, StatusCode::UNAVAILABLE})
        EXPECT_FALSE(why(checkpoint_facts({code, "x"})).empty()) << code;
    // What gRPC makes of an answer that it cannot read.
    const Status unreadable{StatusCode::UNIMPLEMENTED, "No message returned for unary request"};
    EXPECT_NE(why(checkpoint_facts(unreadable)).find("no answer of the CRI"), std::string::npos);
    EXPECT_NE(why(version_facts(unreadable, {})).find("no answer of the CRI"), std::string::npos);
}

TEST(AskCri, tells_name_and_version) {
    ::runtime::v1::VersionResponse answer;
    EXPECT_NE(why(version_facts(Status::OK, answer)).find("what it is"), std::string::npos);
    answer.set_runtime_name("cri-o");
    answer.set_runtime_version("1.36.3\n");
    answer.set_runtime_api_version("v1");
    EXPECT_EQ(version_facts(Status::OK, answer),
              (json::Value{{"runtime", "cri-o"}, {"version", "1.36.3 "}, {"api", "v1"}}));
    EXPECT_NE(why(version_facts({StatusCode::UNIMPLEMENTED, "unknown service"}, answer)).find("1.26"),
              std::string::npos);
    EXPECT_NE(why(version_facts({StatusCode::DEADLINE_EXCEEDED, ""}, answer)).find("--timeout"),
              std::string::npos);
}

TEST(AskCri, tells_conditions_and_handlers) {
    auto answer = status();
    auto* named = answer.add_runtime_handlers();
    named->set_name("runc");
    const auto facts = status_facts(Status::OK, answer);
    EXPECT_EQ(facts["conditions"],
              (json::Value::array(
                  {{{"type", "RuntimeReady"}, {"status", true}, {"reason", ""}, {"message", ""}}})));
    EXPECT_EQ(facts["handlers"][""],
              (json::Value{{"recursive_read_only_mounts", false}, {"user_namespaces", true}}));
    EXPECT_FALSE(why(facts["handlers"]["runc"]).empty()) << "it has not told its features";
    EXPECT_FALSE(why(status_facts({StatusCode::INTERNAL, "x"}, answer)).empty());
}

TEST(AskCri, what_a_status_lacks_is_unknown) {
    const auto facts = status_facts(Status::OK, {});
    for (const auto* part : {"conditions", "handlers", "config", "crio"})
        EXPECT_FALSE(why(facts[part]).empty()) << part;
    auto many = status();
    for (int i = 0; i < 1000; ++i) {
        many.add_runtime_handlers();
        many.mutable_status()->add_conditions();
    }
    EXPECT_NE(why(status_facts(Status::OK, many)["handlers"]).find("1000"), std::string::npos);
    EXPECT_NE(why(status_facts(Status::OK, many)["conditions"]).find("1000"), std::string::npos);
}

TEST(AskCri, gives_no_passwords_away) {
    auto answer = status();
    (*answer.mutable_info())["config"] =
        R"({"sandboxImage": "p", "n": 1, "on": true, "none": null, "registry": {"auth": "secret"}, "l": ["secret"]})";
    (*answer.mutable_info())["other"] = R"({"token": "secret"})";
    EXPECT_EQ(status_facts(Status::OK, answer)["config"],
              (json::Value{{"sandboxImage", "p"}, {"n", 1}, {"on", true}}));
}

TEST(AskCri, tells_with_what_crio_runs) {
    auto answer = status();
    EXPECT_FALSE(why(status_facts(Status::OK, answer)["crio"]).empty()) << "it tells nothing of it";
    (*answer.mutable_info())["config"] = R"({"crio": {"DefaultRuntime": "runc", "EnableCriuSupport": false,
        "DefaultEnv": ["PASSWORD=secret"], "Runtimes": {
        "runc": {"RuntimePath": "/etc/lpm/bin/runc", "RuntimeRoot": "/run/runc", "RuntimeType": "oci",
            "InheritDefaultRuntime": false, "AllowedAnnotations": ["a.crio.io"], "MonitorEnv": ["A=secret", "PATH=/bin"]},
        "odd": {"RuntimePath": 7, "InheritDefaultRuntime": true, "AllowedAnnotations": null, "MonitorEnv": null}}}})";
    const auto crio = status_facts(Status::OK, answer)["crio"];
    EXPECT_EQ(crio["default_runtime"], "runc");
    EXPECT_EQ(crio["enable_criu_support"], false);
    EXPECT_EQ(crio["handlers"]["runc"],
              (json::Value{{"runtime_path", "/etc/lpm/bin/runc"},
                           {"runtime_root", "/run/runc"},
                           {"runtime_type", "oci"},
                           {"inherit_default_runtime", false},
                           {"allowed_annotations", json::Value::array({"a.crio.io"})},
                           {"monitor_path_variable", "/bin"}}));
    const auto& odd = crio["handlers"]["odd"];
    EXPECT_FALSE(why(odd["runtime_path"]).empty());
    EXPECT_FALSE(why(odd["runtime_root"]).empty());
    EXPECT_EQ(odd["allowed_annotations"], json::Value::array()) << "Go's empty list";
    EXPECT_EQ(odd["monitor_path_variable"], "");
    EXPECT_EQ(json::write(crio).find("secret"), std::string::npos);
}

TEST(AskCri, what_crio_does_not_tell_is_unknown) {
    for (const auto* text : {R"({"crio": 1})", R"({"crio": {"Runtimes": []}})", "[", "{}"}) {
        auto answer = status();
        (*answer.mutable_info())["config"] = text;
        EXPECT_FALSE(why(status_facts(Status::OK, answer)["crio"]).empty()) << text;
    }
    auto answer = status();
    (*answer.mutable_info())["config"] = R"({"crio": {"Runtimes": {"r": 1}}})";
    const auto crio = status_facts(Status::OK, answer)["crio"];
    for (const auto* member : {"default_runtime", "enable_criu_support"})
        EXPECT_FALSE(why(crio[member]).empty()) << member;
    for (const auto& [name, value] : crio["handlers"]["r"].items())
        EXPECT_FALSE(why(value).empty()) << name;
}

TEST(AskCri, a_configuration_that_cannot_be_read_is_unknown) {
    std::string members = "{\"a\": 0";
    for (int i = 0; i < 200; ++i)
        members += ", \"" + std::to_string(i) + "\": 0";
    for (const std::string& text :
         {std::string("{"), std::string("[1]"), std::string(1000, '['), members + "}"}) {
        auto answer = status();
        (*answer.mutable_info())["config"] = text;
        EXPECT_FALSE(why(status_facts(Status::OK, answer)["config"]).empty()) << text;
    }
}
