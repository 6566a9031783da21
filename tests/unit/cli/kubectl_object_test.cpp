// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/format.hpp"
#include "kubectl/object.hpp"

#include <string>

#include <gtest/gtest.h>

using namespace lpm;
using namespace lpm::cli::kubectl;
using namespace std::chrono_literals;

static json::Value parse(std::string_view text) {
    return json::parse(text).value();
}

static const std::chrono::sys_seconds noon =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 26) + std::chrono::hours(12);

static json::Value ended(std::string_view phase, std::string_view preflight) {
    auto object = parse(R"({"metadata": {"name": "web-1-x2", "namespace": "shop",
        "creationTimestamp": "2026-11-26T11:56:40Z"},
        "spec": {"podName": "web-1", "containerName": "nginx", "options": {"tcp": "close"}},
        "status": {"reason": "GhostTooLarge", "message": "one\ntwo", "containerName": "app",
        "nodeName": "n1", "recordID": "r1", "logExcerpt": "first\n\u001b[31msecond",
        "checks": [{"id": "GhostTooLarge", "verdict": "warn", "message": "large"}, 7],
        "timings": {"queuedMilliseconds": 20, "checkpointMilliseconds": 1500}}})");
    object["status"]["phase"] = phase;
    object["status"]["conditions"] = json::Value::array(
        {{{"type", "PreflightPassed"}, {"status", preflight}, {"reason", "Why"}}, nullptr});
    return object;
}

TEST(KubectlObject, ages_are_those_of_kubectl) {
    const auto age = [](auto before) {
        return age_text(lpm::format("{:%FT%TZ}", noon - std::chrono::seconds(before)), noon);
    };
    EXPECT_EQ(age(0s), "0s");
    EXPECT_EQ(age(-60s), "0s");
    EXPECT_EQ(age(119s), "119s");
    EXPECT_EQ(age(120s), "2m");
    EXPECT_EQ(age(200s), "3m20s");
    EXPECT_EQ(age(10min), "10m");
    EXPECT_EQ(age(179min), "179m");
    EXPECT_EQ(age(200min), "3h20m");
    EXPECT_EQ(age(8h), "8h");
    EXPECT_EQ(age(47h), "47h");
    EXPECT_EQ(age(50h), "2d2h");
    EXPECT_EQ(age(24h * 8), "8d");
    EXPECT_EQ(age(24h * 800), "2y70d");
    EXPECT_EQ(age(24h * 3650), "10y");
    EXPECT_EQ(age_text("yesterday", noon), "");
}

TEST(KubectlObject, a_duration_has_a_unit_and_bounds) {
    EXPECT_EQ(read_duration("90"), 90s);
    EXPECT_EQ(read_duration("90s"), 90s);
    EXPECT_EQ(read_duration("5m"), 300s);
    EXPECT_EQ(read_duration("24h"), 86'400s);
    for (const char* wrong : {"", "0", "-1s", "s", "25h", "1d", "1h30m", "9223372036854775807h", " 5m"})
        EXPECT_FALSE(read_duration(wrong)) << wrong;
}

TEST(KubectlObject, a_name_may_have_its_kind_before_it) {
    EXPECT_EQ(read_name("web-1.a", Kind::pod).value(), "web-1.a");
    EXPECT_EQ(read_name("pod/web-1", Kind::pod).value(), "web-1");
    EXPECT_EQ(read_name("ckpt/x", Kind::checkpoint).value(), "x");
    EXPECT_EQ(read_name("containercheckpoint.lpm.my.domain/x", Kind::checkpoint).value(), "x");
    for (const char* wrong :
         {"", "/", "pod/", "../pods", "deploy/web", "ckpt/x", "pod/a/b", "Web", "a b", "a%2fb", "-a"})
        EXPECT_FALSE(read_name(wrong, Kind::pod)) << wrong;
    EXPECT_FALSE(read_name("pod/x", Kind::checkpoint));
}

TEST(KubectlObject, an_end_is_a_refusal_when_a_check_has_said_no) {
    EXPECT_EQ(end_of(ended("Completed", "True")), End::completed);
    EXPECT_EQ(end_of(ended("Succeeded", "Unknown")), End::completed);
    EXPECT_EQ(end_of(ended("Failed", "False")), End::refused);
    EXPECT_EQ(end_of(ended("Failed", "True")), End::failed);
    EXPECT_EQ(end_of(ended("Running", "True")), End::open);
    auto blocked = ended("Failed", "Unknown");
    blocked["status"]["checks"][0]["verdict"] = "block";
    EXPECT_EQ(end_of(blocked), End::refused);
    for (const char* odd : {"{}", "[]", "7", R"({"status": []})", R"({"status": {"phase": 7}})"})
        EXPECT_EQ(end_of(parse(odd)), End::open) << odd;
}

TEST(KubectlObject, progress_is_one_line) {
    EXPECT_EQ(progress_text(ended("Pending", "True")), "Pending: GhostTooLarge: one two");
    EXPECT_EQ(progress_text(parse("{}")), "waits for lpm-controller");
}

TEST(KubectlObject, a_container_is_meant_when_there_is_one_or_the_pod_says_which) {
    EXPECT_EQ(default_container(parse(R"({"spec": {"containers": [{"name": "a"}]}})")).value(), "a");
    const auto two = R"("spec": {"containers": [{"name": "a"}, {"name": "b"}]}})";
    const auto named = parse(
        std::string(R"({"metadata": {"annotations": {"kubectl.kubernetes.io/default-container": "b"}}, )") +
        two);
    EXPECT_EQ(default_container(named).value(), "b");
    const auto unknown = default_container(parse(std::string(R"({"metadata": {"name": "p", "annotations":
        {"kubectl.kubernetes.io/default-container": 7}}, )") +
                                                 two));
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().text, "pod p has the containers a, b: name the one that is meant with -c");
    EXPECT_FALSE(default_container(parse("{}")));
}

TEST(KubectlObject, all_of_it_is_described) {
    const std::string text = describe(ended("Failed", "False"), noon);
    for (const char* line : {
             "Container:   nginx (that is app)\n",
             "Wanted:      a checkpoint, option tcp=close\n",
             "Asked:       2026-11-26T11:56:40Z (3m20s ago)\n",
             "Message:     one two\n",
             "Record:      r1 (on the node: lpmctl show r1)\n",
             "Time:        1.5 s\n",
             "  PreflightPassed  False    Why\n",
             "  warn    GhostTooLarge: large\n",
             "  first\n",
         })
        EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
    EXPECT_EQ(text.find('\033'), std::string::npos);
    EXPECT_NE(describe(parse(R"({"spec": 7, "status": "no"})"), noon), "");
}

TEST(KubectlObject, a_verdict_that_nobody_gave_is_not_one) {
    EXPECT_NE(verdict_text(ended("Completed", "True")).find("would be taken"), std::string::npos);
    EXPECT_NE(verdict_text(ended("Failed", "False")).find("would be refused: GhostTooLarge"),
              std::string::npos);
    EXPECT_NE(verdict_text(ended("Failed", "Unknown")).find("nobody could tell"), std::string::npos);
}
