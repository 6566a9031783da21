// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "answer.hpp"

#include <gtest/gtest.h>

using namespace lpm;
using namespace lpm::controller;
using Kind = Answer::Kind;

static std::string failed(std::string_view what) {
    return "checkpointing of default/web/web failed (" + std::string(what) + ")";
}

static constexpr const char* status_404 =
    R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":"nodes \"n9\" not found","code":404})";

struct Row {
    long status;
    std::string body;
    Kind kind;
    std::string reason;
    std::string says; // a part of the message
    bool proxy = false;
};

static std::string status_object(const std::string& message) {
    return R"({"kind":"Status","apiVersion":"v1","message":")" + message + R"("})";
}

TEST(Answer, tells_each_answer_of_a_kubelet_and_of_an_api_server_apart) {
    const Row rows[] = {
        {200,
         R"({"items":["/var/lib/kubelet/checkpoints/checkpoint-web_default-web-2026-01-02T15:04:05Z.tar"]})",
         Kind::completed, "", ""},
        {200, R"({"items":[]})", Kind::unknown, "OutcomeUnknown", "look for the archive"},
        {200, R"({"items":["relative"]})", Kind::unknown, "OutcomeUnknown", "not where"},
        {200, "garbled {", Kind::unknown, "OutcomeUnknown", "garbled"},
        {401, "Unauthorized", Kind::refused, "KubeletUnauthorized", "clientCAFile"},
        {403,
         "Forbidden (user=system:serviceaccount:a:b, verb=create, resource=nodes, "
         "subresource(s)=[checkpoint])\n",
         Kind::refused, "KubeletForbidden", "system:serviceaccount:a:b"},
        {403,
         "Forbidden (user=kube-apiserver-kubelet-client, verb=create, resource=nodes, "
         "subresource=checkpoint)",
         Kind::refused, "KubeletForbidden", "deploy/rbac-proxy.yaml", true},
        {404, "pod does not exist", Kind::transient, "PodNotOnNode", "n1"},
        {404, "container web does not exist", Kind::refused, "ContainerNotFound", "web"},
        {404, "cannot parse value of timeout parameter", Kind::refused, "TimeoutInvalid", "timeout"},
        {404, "404: Page Not Found", Kind::refused, "CheckpointApiDisabled", "/var/lib/kubelet/config.yaml"},
        {404, status_404, Kind::refused, "NodeNotFound", "n9", true},
        {500, "Authorization error (user=u, verb=create, resource=nodes, subresource=checkpoint)",
         Kind::transient, "KubeletAuthorizationFailed", "user=u"},
        {500, failed("a process named Authorization error is in the way"), Kind::refused, "CheckpointFailed",
         "in the way"},
        {500, failed("container web not found"), Kind::transient, "ContainerNotRunning", "web not found"},
        {500, failed("rpc error: code = Unimplemented desc = unknown method CheckpointContainer"),
         Kind::refused, "EngineWithoutCheckpoint", "CRI-O 1.25"},
        {500, failed("rpc error: code = Unknown desc = checkpoint/restore support not available"),
         Kind::refused, "CriuSupportDisabled", "enable_criu_support = true"},
        {500,
         failed(
             "rpc error: code = Unknown desc = failed to checkpoint container x: configured runtime does not "
             "support checkpoint/restore"),
         Kind::refused, "RuntimeWithoutCriu", "/etc/lpm/bin/runc"},
        {500, failed("checkpoint/restore requires at least CRIU 31600, current version is 31500"),
         Kind::refused, "CriuTooOld", "31500"},
        {500, failed("failed to checkpoint container x: container x is not running"), Kind::transient,
         "ContainerNotRunning", "not running"},
        {500, failed("cannot pause a paused container"), Kind::transient, "ContainerPaused", "runc resume"},
        {500, failed("rpc error: code = DeadlineExceeded desc = context deadline exceeded"), Kind::unknown,
         "OutcomeUnknown", "look for the archive"},
        {500, failed(R"(running "/etc/lpm/bin/runc" ["checkpoint" "x"] failed: file y not found)"),
         Kind::refused, "CheckpointFailed", "/var/lib/lpm/logs"},
        {503,
         status_object("error trying to reach service: dial tcp 10.0.0.1:10250: connect: connection refused"),
         Kind::transient, "KubeletUnreachable", "10.0.0.1", true},
        {503, status_object("error trying to reach service: EOF"), Kind::unknown, "OutcomeUnknown", "EOF",
         true},
        {403, status_object("nodes is forbidden: User u cannot create resource nodes/proxy"), Kind::refused,
         "ProxyForbidden", "rbac-proxy.yaml", true},
        {429, status_object("Too many requests"), Kind::transient, "ApiServerBusy", "Too many", true},
        {504, "upstream timed out", Kind::unknown, "OutcomeUnknown", "upstream timed out"},
        {401, status_object("Unauthorized"), Kind::transient, "ApiServerUnauthorized", "Unauthorized", true},
        {401, status_object("Unauthorized"), Kind::refused, "KubeletUnauthorized", "clientCAFile"},
        {403, status_object("no"), Kind::refused, "KubeletForbidden", "deploy/rbac.yaml"},
        {500, status_object("no"), Kind::unknown, "OutcomeUnknown", "look for the archive"},
        {503,
         status_object("error trying to reach service: tls: failed to verify certificate: x509: certificate "
                       "signed by unknown authority"),
         Kind::refused, "KubeletCertificateUntrusted", "--kubelet-certificate-authority", true},
        {500,
         failed("rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while "
                "dialing: dial unix\""),
         Kind::transient, "EngineUnreachable", "see that it runs"},
        {500, failed("rpc error: code = Unavailable desc = error reading from server: EOF"), Kind::unknown,
         "OutcomeUnknown", "lost its container engine"},
        {500, "Internal Server Error", Kind::unknown, "OutcomeUnknown", "look for the archive"},
        {520, "", Kind::unknown, "OutcomeUnknown", "look for the archive"},
        {408, "Request Timeout", Kind::unknown, "OutcomeUnknown", "look for the archive"},
        {429, "Too many requests", Kind::transient, "KubeletBusy", "Too many"},
        {204, "", Kind::unknown, "OutcomeUnknown", "not where"},
        {418, "teapot", Kind::refused, "KubeletAnswerUnexpected", "teapot"},
    };
    for (const Row& row : rows) {
        const Answer answer = read_answer(row.status, row.body, {"n1", row.proxy});
        EXPECT_EQ(answer.kind, row.kind) << row.body;
        EXPECT_EQ(answer.reason, row.reason) << row.body;
        EXPECT_NE(answer.message.find(row.says), std::string::npos) << row.body << "\n" << answer.message;
        EXPECT_FALSE(answer.by_lpm) << row.body;
    }
}

TEST(Answer, reads_a_refusal_of_lpm) {
    struct Refusal {
        std::string text;
        Kind kind;
        std::string id;
        std::string message;
    };
    const Refusal refusals[] = {
        {"lpm refused checkpoint of abc: a file is too big; raise it [GhostTooLarge]", Kind::refused,
         "GhostTooLarge", "a file is too big; raise it"},
        {"lpm refused checkpoint of abc: a connection; close it [TcpEstablished, transient]", Kind::transient,
         "TcpEstablished", "a connection; close it"},
        {"lpm refused checkpoint of abc: descriptor 3 ([io_uring]): none; deny it [IoUring]: exit status 1",
         Kind::refused, "IoUring", "descriptor 3 ([io_uring]): none; deny it"},
        {"lpm refused checkpoint of abc: x [A]\nlpm refused checkpoint of def: y [B]", Kind::refused, "A",
         "x"},
    };
    for (const Refusal& one : refusals) {
        const Answer answer = read_answer(
            500,
            failed(
                R"(rpc error: code = Unknown desc = failed to checkpoint: running "runc" ["checkpoint"] failed: ")" +
                one.text),
            {"n1", false});
        EXPECT_EQ(answer.kind, one.kind) << one.text;
        EXPECT_EQ(answer.reason, one.id) << one.text;
        EXPECT_EQ(answer.message, one.message) << one.text;
        EXPECT_TRUE(answer.by_lpm) << one.text;
    }
    EXPECT_FALSE(read_answer(500, failed("lpm refused checkpoint of abc: no id"), {"n1", false}).by_lpm);
}

TEST(Answer, never_asks_again_when_the_request_may_have_arrived) {
    EXPECT_EQ(no_answer({Errc::io, 0, "recv: reset"}, {"n1", false}).kind, Kind::unknown);
    EXPECT_EQ(no_answer({Errc::invalid, 0, "too long"}, {"n1", false}).kind, Kind::unknown);
    EXPECT_EQ(no_answer({Errc::unavailable, 0, "refused"}, {"n1", false}).kind, Kind::transient);
    EXPECT_EQ(no_answer({Errc::denied, 0, "self-signed"}, {"n1", false}).reason,
              "KubeletCertificateUntrusted");
}

TEST(Answer, is_short_whatever_was_said) {
    const Answer answer = read_answer(500, std::string(200'000, 'x') + "the end", {"n1", false});
    EXPECT_LT(answer.message.size(), 2000U);
}
