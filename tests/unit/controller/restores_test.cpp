// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "restores.hpp"

#include <gtest/gtest.h>

using namespace lpm;
using namespace lpm::controller;
using namespace std::chrono_literals;

namespace {

const Time noon = *read_time("2026-01-31T12:00:00Z");
const Key key{"shop", "web-2"};

Pod pod_of(Container container, const std::string& source = "save") {
    Pod pod;
    pod.uid = "u2";
    pod.node = "n1";
    pod.restores = {{container.name, source}};
    pod.containers = {std::move(container), {.name = "other", .running = true, .id = "o"}};
    return pod;
}

Container running(const std::string& id, Millis since = 5s) {
    return {.name = "web", .running = true, .id = id, .started = noon - since};
}

RestoreRecord record(const std::string& id, const std::string& outcome, const std::string& code = "") {
    return {.id = id,
            .state = "final",
            .outcome = outcome,
            .code = code,
            .message = "its words",
            .container = "web",
            .container_id = "c1",
            .ended = noon - 1s,
            .object_space = "shop",
            .object_name = "save",
            .object_uid = "ou"};
}

RestoreReport report(const Pod& pod, const std::vector<RestoreRecord>& records) {
    return report_restores(key, pod, restore_states(pod), records, noon);
}

std::string reasons(const RestoreReport& report) {
    std::string all;
    for (const auto& [event, same, when] : report.events)
        all += (all.empty() ? "" : " ") + std::string(event.warning ? "!" : "") + event.reason;
    return all;
}

} // namespace

TEST(Restores, are_asked_for_once_a_container_is_tried) {
    struct Row {
        Container container;
        RestoreStates states;
    };
    for (const auto& [container, states] :
         {Row{{.name = "web"}, {}},
          {{.name = "web", .waiting = "ContainerCreating"}, {}},
          {{.name = "web", .waiting = "CreateContainerError"}, {{"web", "/CreateContainerError"}}},
          {{.name = "web", .running = true, .id = "c1"}, {{"web", "c1"}}},
          {{.name = "web", .ended = true, .id = "c1"}, {{"web", "c1"}}},
          {{.name = "web", .id = "c1", .waiting = "CrashLoopBackOff"}, {{"web", "c1/CrashLoopBackOff"}}}})
        EXPECT_EQ(restore_states(pod_of(container)), states) << container.waiting << container.id;
}

TEST(Restores, one_that_completed_is_told_to_both) {
    const auto told = report(pod_of(running("c1")), {record("01A", "completed")});
    EXPECT_EQ(reasons(told), "Restored");
    EXPECT_EQ(told.events[0].same, "01A");
    EXPECT_EQ(told.events[0].when, noon - 1s);
    EXPECT_NE(told.events[0].event.note.find("goes on from save (record 01A)"), std::string::npos);
    ASSERT_EQ(told.restores.size(), 1U);
    EXPECT_EQ(told.restores[0].key.text() + told.restores[0].uid, "shop/saveou");
    EXPECT_EQ(told.restores[0].restore,
              (Restore{"web-2", "u2", "web", "n1", "2026-01-31T11:59:59Z", "01A", "completed", ""}));
}

TEST(Restores, one_that_was_started_all_the_same_is_warned_of) {
    const auto refused = record("01A", "refused", "ArchiveMissing");
    EXPECT_EQ(reasons(report(pod_of(running("c1")), {refused})), "!ArchiveMissing");
    Container next = running("c2");
    next.last_id = "c1";
    EXPECT_EQ(reasons(report(pod_of(next), {refused, {.id = "01B", .container_id = "c2"}})),
              "!ArchiveMissing");
    EXPECT_EQ(reasons(report(pod_of(running("c3")), {refused, {.id = "01B", .container_id = "c3"}})), "")
        << "of one that is long gone";
    const auto waits = report(pod_of({.name = "web", .waiting = "CreateContainerError"}), {refused});
    EXPECT_EQ(reasons(waits), "") << "the kubelet has said so";
    EXPECT_EQ(waits.restores.size(), 1U);
}

TEST(Restores, one_that_nobody_tried_is_warned_of) {
    const auto told = report(pod_of(running("c1")), {});
    EXPECT_EQ(reasons(told), "!RestoreSkipped");
    EXPECT_EQ(told.events[0].same, "web");
    EXPECT_TRUE(told.restores.empty());
    EXPECT_EQ(reasons(report(pod_of(running("c1", 2h)), {})), "") << "its record may be gone";
    EXPECT_EQ(reasons(report(pod_of({.name = "web", .ended = true, .id = "c1"}), {})), "");
    auto intent = record("01A", "");
    intent.state = "intent";
    EXPECT_EQ(reasons(report(pod_of(running("c1")), {intent})), "");
    EXPECT_EQ(reasons(report_restores(key, pod_of(running("c1")), {}, {}, noon)), "") << "asked before";
}

TEST(Restores, a_container_that_is_not_there_is_told_of) {
    Pod pod = pod_of(running("c1"));
    pod.restores = {{"wbe", "save"}};
    const auto told = report(pod, {});
    EXPECT_EQ(reasons(told), "!RestoreSkipped");
    EXPECT_NE(told.events[0].event.note.find("no container is called wbe"), std::string::npos);
    EXPECT_NE(told.events[0].event.note.find("the pod has web, other"), std::string::npos);
    EXPECT_EQ(reasons(report_restores(key, pod, {}, {}, noon)), "") << "told before";
    pod.node.clear();
    EXPECT_TRUE(restore_states(pod).empty()) << "nobody can be asked yet";
}

TEST(Restores, are_told_to_the_object_that_is_meant) {
    auto unknown = record("01A", "refused", "ArchiveMissing");
    unknown.object_space = unknown.object_name = unknown.object_uid = "";
    const auto by_name = report(pod_of(running("c1")), {unknown});
    ASSERT_EQ(by_name.restores.size(), 1U);
    EXPECT_EQ(by_name.restores[0].key.text() + by_name.restores[0].uid, "shop/save");
    EXPECT_TRUE(report(pod_of(running("c1"), "a.tar"), {unknown}).restores.empty());
    EXPECT_EQ(report(pod_of(running("c1"), "a.tar"), {record("01A", "completed")}).restores.size(), 1U);
    auto stranger = record("01A", "refused", "OtherNamespace");
    stranger.object_space = "bank";
    EXPECT_TRUE(report(pod_of(running("c1")), {stranger}).restores.empty());
    auto other = record("01A", "completed");
    other.container = "other";
    EXPECT_TRUE(report(pod_of(running("c1")), {other}).restores.empty()) << "it does not ask";
}

TEST(Restores, the_newest_ten_are_kept) {
    std::vector<Restore> restores;
    const auto add = [&](const char* record, const char* outcome, const char* reason, const char* pod = "u") {
        return add_restore(restores, {"p", pod, "c", "n", "t", record, outcome, reason});
    };
    EXPECT_TRUE(add("02", "refused", "ArchiveMissing"));
    EXPECT_FALSE(add("03", "refused", "ArchiveMissing")) << "again";
    EXPECT_TRUE(add("04", "completed", ""));
    EXPECT_TRUE(add("05", "completed", ""));
    EXPECT_FALSE(add("05", "completed", ""));
    EXPECT_TRUE(add("03", "refused", "ArchiveMissing", "v"));
    std::string order;
    for (const Restore& one : restores)
        order += one.record;
    EXPECT_EQ(order, "05040302");
    for (const char* record : {"10", "11", "12", "13", "14", "15", "16"})
        EXPECT_TRUE(add(record, "completed", ""));
    EXPECT_EQ(restores.size(), 10U);
    EXPECT_EQ(restores.back().record, "03");
    EXPECT_FALSE(add("01", "completed", "")) << "older than all";
}
