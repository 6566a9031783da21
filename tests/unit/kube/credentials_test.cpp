// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/credentials.hpp"

#include <functional>

#include "../support.hpp"
#include "environment.hpp"

using namespace lpm;
using namespace std::chrono_literals;
using kube::Access;
using kube::Credentials;
using Clock = std::chrono::steady_clock;

static const std::string pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

namespace {

// What it reads is what the test says.
class Told final : public Credentials {
  public:
    struct Answer {
        std::optional<std::string> bearer; // none: it cannot be read
        Clock::duration until{60s};
        Clock::duration end{1h};
    };
    Answer answer;
    int reads = 0;
    int forgotten = 0;

  protected:
    Result<Fresh> read() override {
        ++reads;
        if (!answer.bearer)
            return fail(Errc::io, "cannot");
        return Fresh{.access = {.server = "https://k",
                                .tls = {},
                                .bearer = *answer.bearer,
                                .user = {},
                                .proxy = {},
                                .space = {}},
                     .until = Clock::now() + answer.until,
                     .end = Clock::now() + answer.end};
    }
    void forget() override { ++forgotten; }
};

} // namespace

TEST(Credentials, are_read_again_when_their_time_is_over) {
    Told told;
    told.answer = {.bearer = "one"};
    EXPECT_EQ(told.access().value().bearer, "one");
    EXPECT_EQ(told.access().value().bearer, "one");
    EXPECT_EQ(told.reads, 1);
    told.expire();
    told.answer = {.bearer = "two", .until = 0s};
    EXPECT_EQ(told.access().value().bearer, "two");
    told.answer = {.bearer = "three"};
    EXPECT_EQ(told.access().value().bearer, "three");
    EXPECT_EQ(told.reads, 3);
}

TEST(Credentials, stay_when_there_are_no_newer_ones_until_their_end) {
    Told told;
    EXPECT_EQ(told.access().error().text, "cannot");
    told.answer = {.bearer = "one", .until = 0s};
    EXPECT_TRUE(told.access());
    told.answer.bearer.reset();
    EXPECT_EQ(told.access().value().bearer, "one");
    EXPECT_EQ(told.access().value().bearer, "one");
    EXPECT_EQ(told.reads, 3) << "a failure is not repeated for every request";

    Told ended;
    ended.answer = {.bearer = "one", .until = 0s, .end = 0s};
    EXPECT_TRUE(ended.access());
    ended.answer.bearer.reset();
    EXPECT_EQ(ended.access().error().text, "cannot");
}

TEST(Credentials, expire_once_in_a_while) {
    Told told;
    told.answer = {.bearer = "one"};
    EXPECT_TRUE(told.access());
    told.expire();
    told.answer.bearer.reset();
    EXPECT_FALSE(told.access()) << "what a server has refused is not used again";
    told.answer = {.bearer = "two"};
    EXPECT_TRUE(told.access());
    told.expire();
    EXPECT_TRUE(told.access());
    EXPECT_EQ(told.reads, 3);
    EXPECT_EQ(told.forgotten, 1);
}

TEST(InCluster, reads_what_a_pod_has) {
    const TempDir dir;
    dir.write("token", "abc\n");
    dir.write("ca.crt", pem);
    dir.write("namespace", "lpm-system");
    struct {
        const char* host;
        const char* server;
    } const cases[] = {
        {"10.0.0.1", "https://10.0.0.1:443"}, {"fd00::1", "https://[fd00::1]:443"}, {"k", "https://k:443"}};
    const Variable port("KUBERNETES_SERVICE_PORT", "443");
    for (const auto& [host, server] : cases) {
        const Variable variable("KUBERNETES_SERVICE_HOST", host);
        const auto made = Credentials::in_cluster(dir.path());
        ASSERT_TRUE(made) << made.error().text;
        const auto access = (*made)->access().value();
        EXPECT_EQ(access.server, server);
        EXPECT_EQ(access.bearer, "abc");
        EXPECT_EQ(access.tls.ca, pem);
        EXPECT_EQ(access.space, "lpm-system");
    }
}

TEST(InCluster, reads_a_new_token_after_a_refusal) {
    const TempDir dir;
    dir.write("token", "one");
    const Variable host("KUBERNETES_SERVICE_HOST", "k");
    const Variable port("KUBERNETES_SERVICE_PORT", "443");
    const auto made = Credentials::in_cluster(dir.path());
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ((*made)->access().value().tls.ca, "") << "the system's authorities";
    EXPECT_EQ((*made)->access().value().space, "default");
    dir.write("token", "two");
    EXPECT_EQ((*made)->access().value().bearer, "one");
    (*made)->expire();
    EXPECT_EQ((*made)->access().value().bearer, "two");
}

TEST(InCluster, says_what_is_missing) {
    const TempDir dir;
    struct {
        const char* host;
        const char* port;
        std::function<void()> before;
        Errc code;
        const char* error;
    } const cases[] = {
        {nullptr, "1", [] {}, Errc::absent, "this is no pod: KUBERNETES_SERVICE_HOST"},
        {"k", nullptr, [] {}, Errc::absent, "this is no pod: KUBERNETES_SERVICE_HOST"},
        {"k/x", "1", [] {}, Errc::invalid, "are no host and port: k/x and 1"},
        {"k", "http", [] {}, Errc::invalid, "are no host and port: k and http"},
        {"k", "1", [] {}, Errc::absent, "automountServiceAccountToken"},
        {"k", "1", [&] { dir.write("token", "\n"); }, Errc::invalid, "token has no token in it"},
        {"k", "1", [&] { dir.write("token", "s3cr3t s3cr3t"); }, Errc::invalid, "token has no token in it"},
        {"k", "1", [&] { dir.write("token", "t"), dir.write("ca.crt", "x"); }, Errc::invalid,
         "ca.crt is no PEM"},
        {"k", "1", [&] { dir.write("ca.crt", pem), dir.write("namespace", "../x"); }, Errc::invalid,
         "has no name of a"},
    };
    for (const auto& [host, port, before, code, error] : cases) {
        const Variable first("KUBERNETES_SERVICE_HOST", host);
        const Variable second("KUBERNETES_SERVICE_PORT", port);
        before();
        const auto made = Credentials::in_cluster(dir.path());
        ASSERT_FALSE(made) << error;
        EXPECT_EQ(made.error().code, code);
        EXPECT_NE(made.error().text.find(error), std::string::npos) << made.error().text;
        EXPECT_EQ(made.error().text.find("s3cr3t"), std::string::npos);
    }
}

static std::string context(const std::string& name, const std::string& cluster, const std::string& user) {
    return "contexts: [{name: " + name + ", context: {cluster: " + cluster + ", user: " + user + "}}]\n";
}
static std::string cluster(const std::string& name, const std::string& members) {
    return "clusters: [{name: " + name + ", cluster: {" + members + "}}]\n";
}
static std::string user(const std::string& name, const std::string& members) {
    return "users: [{name: " + name + ", user: {" + members + "}}]\n";
}

static Result<Access> access_of(const std::string& paths, const std::string& name = {}) {
    TRY_ASSIGN(const auto made, Credentials::kubeconfig(paths, name, false));
    return made->access();
}

TEST(KubeconfigFiles, name_others_from_their_folder) {
    const TempDir dir;
    dir.write("k/config",
              "current-context: x\n" + context("x", "c", "u") +
                  cluster("c", "server: 'https://k/', certificate-authority: pki/ca") +
                  user("u", "tokenFile: ../token, client-certificate: pki/c, client-key: pki/k, token: no"));
    dir.write("k/pki/ca", pem);
    dir.write("k/pki/c", pem + "c");
    dir.write("k/pki/k", pem + "k");
    dir.write("token", " one\n");
    const auto made = Credentials::kubeconfig(dir.path("k/config"), "", false);
    ASSERT_TRUE(made) << made.error().text;
    const auto access = (*made)->access();
    ASSERT_TRUE(access) << access.error().text;
    EXPECT_EQ(access->server, "https://k");
    EXPECT_EQ(
        access->tls,
        (kube::Tls{.ca = pem, .certificate = pem + "c", .key = pem + "k", .server_name = {}, .pins = {}}));
    EXPECT_EQ(access->bearer, "one");
    EXPECT_EQ(access->space, "default");
    dir.write("token", "two");
    (*made)->expire();
    EXPECT_EQ((*made)->access().value().bearer, "two");
}

TEST(KubeconfigFiles, are_merged_first_one_wins) {
    const TempDir dir;
    dir.write("a/one",
              "current-context: x\n" + user("u", "tokenFile: t") + cluster("c", "server: 'https://first'"));
    dir.write("b/two", "current-context: y\n" + context("x", "c", "u") +
                           cluster("c", "server: 'https://second'") + user("u", "token: second"));
    dir.write("b/three",
              context("x", "none", "none") + context("z", "none", "none").replace(0, 9, "ignored:"));
    dir.write("a/t", "first");
    const auto paths =
        dir.path("a/one") + "::" + dir.path("absent") + ":" + dir.path("b/two") + ":" + dir.path("b/three");
    const auto access = access_of(paths);
    ASSERT_TRUE(access) << access.error().text;
    EXPECT_EQ(access->server, "https://first");
    EXPECT_EQ(access->bearer, "first");
    EXPECT_EQ(access->tls.ca, "");
    EXPECT_EQ(
        access_of(paths, "z").error().text,
        dir.path("a/one") + ":" + dir.path("b/two") + ":" + dir.path("b/three") +
            ": context \"z\" is not there: add it under contexts or name another; there is \"x\", \"x\"");
}

TEST(KubeconfigFiles, say_which_is_at_fault) {
    const TempDir dir;
    dir.write("good", "current-context: x\n" + context("x", "c", "u") + cluster("c", "server: 'https://k'"));
    dir.write("bad", user("u", "token: 's3cr3t s3cr3t'"));
    dir.write("broken", "a: 's3cr3t");
    dir.write("gone", user("u", "tokenFile: no-such"));
    dir.write("pem", user("u", "client-certificate: good, client-key: good"));
    const auto good = dir.path("good") + ":";
    struct {
        std::string paths;
        Errc code;
        std::string error;
    } const cases[] = {
        {"", Errc::invalid, "kubeconfig: no file is named"},
        {":", Errc::invalid, "kubeconfig: no file is named"},
        {dir.path("no"), Errc::absent, "kubeconfig: open "},
        {dir.path("no") + ":" + dir.path("nor"), Errc::absent,
         "kubeconfig: none of its 2 files is there: " + dir.path("no")},
        {good + dir.path("bad"), Errc::invalid, dir.path("bad") + ": user \"u\" (line 1): token has a blank"},
        {good + dir.path("broken"), Errc::invalid, dir.path("broken") + ": is no kubeconfig: line "},
        {good + dir.path("gone"), Errc::absent, dir.path("no-such")},
        {good + dir.path("pem"), Errc::invalid, dir.path("good") + " is no PEM"},
    };
    for (const auto& [paths, code, error] : cases) {
        const auto access = access_of(paths);
        ASSERT_FALSE(access) << error;
        EXPECT_EQ(access.error().code, code) << access.error().text;
        EXPECT_NE(access.error().text.find(error), std::string::npos) << access.error().text;
        EXPECT_EQ(access.error().text.find("s3cr3t"), std::string::npos) << access.error().text;
    }
}
