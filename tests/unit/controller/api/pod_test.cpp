// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "api/pod.hpp"

#include <gtest/gtest.h>

using namespace lpm;
using namespace lpm::controller;

TEST(Quantity, is_read_as_kubernetes_does) {
    const std::pair<const char*, std::optional<std::uint64_t>> rows[] = {
        {"0", 0},
        {"128974848", 128974848},
        {"129e6", 129000000},
        {"129M", 129000000},
        {"123Mi", 128974848},
        {"1.5Gi", 1610612736},
        {"1500m", 2},
        {"1E", 1000000000000000000},
        {"", std::nullopt},
        {"Mi", std::nullopt},
        {"-1", std::nullopt},
        {"1Xi", std::nullopt},
        {"1e40", std::nullopt},
        {"nan", std::nullopt},
        {"inf", std::nullopt},
    };
    for (const auto& [text, value] : rows)
        EXPECT_EQ(read_quantity(text), value) << text;
}

TEST(Pod, image_has_a_base_name) {
    const std::pair<const char*, const char*> rows[] = {
        {"nginx", "nginx"},
        {"nginx:1.27", "nginx"},
        {"docker.io/library/nginx@sha256:abc", "nginx"},
        {"registry:5000/a/nginx", "nginx"},
        {"registry:5000/a/nginx:1@sha256:abc", "nginx"},
    };
    for (const auto& [image, name] : rows)
        EXPECT_EQ(image_base_name(image), name) << image;
}

static constexpr const char* text = R"({
  "metadata": {"uid": "u1", "creationTimestamp": "2026-01-31T12:00:00Z", "annotations": {
    "lpm.my.domain/restore-from.web": "save", "lpm.my.domain/restore-fallback": "start"}},
  "spec": {"nodeName": "n1",
    "containers": [{"name": "web", "image": "nginx:1", "resources": {"limits": {"memory": "1Gi"}},
                    "livenessProbe": {"periodSeconds": 5}}],
    "initContainers": [{"name": "side", "image": "proxy", "restartPolicy": "Always"}],
    "ephemeralContainers": [{"name": "debug", "image": "busybox"}]},
  "status": {"phase": "Running",
    "containerStatuses": [{"name": "web", "containerID": "cri-o://abc", "imageID": "nginx@sha256:1",
                           "lastState": {"terminated": {"containerID": "cri-o://aaa"}},
                           "state": {"running": {"startedAt": "2026-01-31T12:00:05Z"}}}],
    "initContainerStatuses": [{"name": "side", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}})";

TEST(Pod, is_read_with_all_kinds_of_containers) {
    const auto pod = read_pod(*json::parse(text));
    ASSERT_TRUE(pod);
    ASSERT_EQ(pod->containers.size(), 3U);
    const Container& web = pod->containers[0];
    EXPECT_TRUE(web.running);
    EXPECT_EQ(web.id, "abc");
    EXPECT_EQ(web.memory_limit, std::uint64_t{1} << 30);
    EXPECT_EQ(web.patience, 15);
    EXPECT_EQ(web.last_id, "aaa");
    EXPECT_EQ(web.started.value_or(Time{}) - pod->created.value_or(Time{}), std::chrono::seconds(5));
    EXPECT_EQ(pod->restores, (std::map<std::string, std::string>{{"web", "save"}}));
    EXPECT_EQ(pod->containers[1].waiting, "CrashLoopBackOff");
    EXPECT_EQ(pod->containers[2].kind, Container::Kind::ephemeral);
    EXPECT_EQ(choose_container(*pod, "debug").container, &pod->containers[2]);
    EXPECT_TRUE(choose_container(*pod, "nginx").by_image);
    EXPECT_EQ(choose_container(*pod, "proxy").container, nullptr);
    EXPECT_FALSE(read_pod(*json::parse("{}")));
}

TEST(Pod, asks_for_a_restore_by_an_annotation) {
    for (const auto& [annotations, asks] : {std::pair{R"({"lpm.my.domain/restore-from.a": "b"})", true},
                                            {R"({"lpm.my.domain/restore-from.a": 1})", false},
                                            {R"({"lpm.my.domain/restore-policy": "always"})", false},
                                            {"[]", false},
                                            {"null", false}}) {
        const auto pod = json::parse(std::string(R"({"metadata": {"annotations": )") + annotations + "}}");
        EXPECT_EQ(asks_for_restore(*pod), asks) << annotations;
    }
    EXPECT_FALSE(asks_for_restore(*json::parse("{}")));
}
