// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/plugin.hpp"

#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

#include "../support.hpp"
#include "base/text.hpp"
#include "environment.hpp"
#include "json/json.hpp"

using namespace lpm;
using namespace std::chrono_literals;
using kube::Access;
using kube::Credentials;

static const std::string v1 = "client.authentication.k8s.io/v1";

static std::string credential(const std::string& status, const std::string& version = v1) {
    return R"({"kind":"ExecCredential","apiVersion":")" + version + R"(","status":{)" + status + "}}";
}

// A kubeconfig, and the plugin that it names: a script.
static void write_plugin(const TempDir& dir, const std::string& script) {
    dir.write("config",
              "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
              "clusters: [{name: c, cluster: {server: 'https://k', certificate-authority: ca}}]\n"
              "users: [{name: u, user: {exec: {apiVersion: " +
                  v1 +
                  ", command: ./plugin, args: ['a b'], "
                  "env: [{name: TOKEN, value: t}], provideClusterInfo: true, installHint: get it}}}]\n");
    dir.write("ca", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    dir.write("plugin", "#!/bin/sh\n" + script);
    std::filesystem::permissions(dir.path("plugin"), std::filesystem::perms::owner_all);
}

static Result<Access> access_of(const TempDir& dir, bool plugins) {
    TRY_ASSIGN(const auto made, Credentials::kubeconfig(dir.path("config"), "", plugins));
    return made->access();
}

TEST(Plugin, is_run_only_when_that_is_allowed) {
    const TempDir dir;
    write_plugin(dir, "touch " + dir.path("ran") + "\n");
    const auto access = access_of(dir, false);
    ASSERT_FALSE(access);
    EXPECT_EQ(access.error().code, Errc::denied);
    EXPECT_NE(access.error().text.find("lpm runs none unless it is allowed to"), std::string::npos)
        << access.error().text;
    EXPECT_FALSE(std::filesystem::exists(dir.path("ran")));
}

TEST(Plugin, is_told_what_kubectl_tells_it) {
    const TempDir dir;
    const Variable ours("TOKEN", "ours");
    write_plugin(dir, "echo warning >&2\necho \"$KUBERNETES_EXEC_INFO\" > " + dir.path("info") +
                          "\necho run >> " + dir.path("runs") + "\nprintf '" +
                          credential(R"("token":"%s-%s")") + "' $TOKEN \"$(echo \"$1\" | tr ' ' _)\"\n");
    const auto made = Credentials::kubeconfig(dir.path("config"), "", true);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_FALSE(std::filesystem::exists(dir.path("runs")));
    const auto access = (*made)->access();
    ASSERT_TRUE(access) << access.error().text;
    EXPECT_EQ(access->bearer, "t-a_b");
    EXPECT_TRUE((*made)->access());
    EXPECT_EQ(std::filesystem::file_size(dir.path("runs")), 4U);
    (*made)->expire();
    EXPECT_TRUE((*made)->access());
    EXPECT_EQ(std::filesystem::file_size(dir.path("runs")), 8U);
    const auto info = json::read(AT_FDCWD, dir.path("info"));
    ASSERT_TRUE(info) << info.error().text;
    EXPECT_EQ(json::text_or_empty(*info, "apiVersion"), v1);
    EXPECT_EQ(json::text_or_empty(*info, "kind"), "ExecCredential");
    EXPECT_FALSE(json::is_true(*info, "spec.interactive"));
    EXPECT_EQ(json::text_or_empty(*info, "spec.cluster.server"), "https://k");
    EXPECT_EQ(json::text_or_empty(*info, "spec.cluster.certificate-authority-data").substr(0, 8), "LS0tLS1C");
}

TEST(Plugin, is_asked_again_before_its_credential_ends) {
    const TempDir dir;
    timespec soon = now();
    soon.tv_sec += 4;
    write_plugin(dir, "test -e " + dir.path("ran") + " && echo '" + credential(R"("token":"second")") +
                          "' && exit\n" + "touch " + dir.path("ran") + "\necho '" +
                          credential(R"("token":"first","expirationTimestamp":")" + rfc3339(soon) + "\"") +
                          "'\n");
    const auto made = Credentials::kubeconfig(dir.path("config"), "", true);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ((*made)->access().value().bearer, "first");
    EXPECT_EQ((*made)->access().value().bearer, "first");
    for (int looks = 0; looks < 100 && (*made)->access().value().bearer == "first"; ++looks)
        ::usleep(100'000);
    EXPECT_EQ((*made)->access().value().bearer, "second");
}

TEST(Plugin, is_not_asked_for_every_request_when_it_fails) {
    const TempDir dir;
    write_plugin(dir, "echo run >> " + dir.path("runs") + "\necho '" +
                          credential(R"("token":"t","expirationTimestamp":"2001-01-01T00:00:00Z")") + "'\n");
    const auto made = Credentials::kubeconfig(dir.path("config"), "", true);
    ASSERT_TRUE(made) << made.error().text;
    const auto access = (*made)->access();
    ASSERT_FALSE(access);
    EXPECT_NE(access.error().text.find("has expired already: compare the clocks"), std::string::npos);
    EXPECT_EQ((*made)->access().error().text, access.error().text);
    EXPECT_EQ(std::filesystem::file_size(dir.path("runs")), 4U);
}

TEST(Plugin, says_why_it_gave_nothing) {
    struct {
        std::string script;
        Errc code;
        const char* error;
    } const cases[] = {
        {"echo s3cr3t; exit 7", Errc::unavailable, "ended with status 7: run it by hand"},
        {"echo s3cr3t", Errc::invalid, "printed no ExecCredential in JSON"},
        {"kill -9 $$", Errc::unavailable, "ended with status 137"},
    };
    for (const auto& [script, code, error] : cases) {
        const TempDir dir;
        write_plugin(dir, script);
        const auto access = access_of(dir, true);
        ASSERT_FALSE(access) << error;
        EXPECT_EQ(access.error().code, code);
        EXPECT_NE(access.error().text.find(error), std::string::npos) << access.error().text;
        EXPECT_EQ(access.error().text.find("s3cr3t"), std::string::npos) << access.error().text;
    }
    const TempDir dir;
    write_plugin(dir, "");
    std::filesystem::remove(dir.path("plugin"));
    EXPECT_EQ(access_of(dir, true).error().text,
              "exec plugin " + dir.path("./plugin") + " is not there: get it");
}

TEST(ExecCredential, is_read_among_lines_of_a_log) {
    for (const auto& text :
         {credential(R"("token":"t")"), "I1125 warn\n" + credential(R"("token":"t")") + "\nbye {",
          "{\"level\":\"warn\"}\n{ not json\n\n  " + credential(R"("token":"t")")}) {
        const auto read = kube::parse_exec_credential(text, v1);
        ASSERT_TRUE(read) << read.error().text << text;
        EXPECT_EQ(read->token, "t");
        EXPECT_FALSE(read->expires);
    }
}

TEST(ExecCredential, tells_its_end) {
    using namespace std::chrono;
    const sys_seconds noon = sys_days(2026y / January / 31) + 12h;
    struct {
        const char* text;
        std::optional<sys_seconds> time;
    } const cases[] = {
        {"2026-01-31T12:00:00Z", noon},
        {"2026-01-31T12:00:00.123456Z", noon},
        {"2026-01-31T14:30:00+02:30", noon},
        {"2026-01-31T07:00:00-05:00", noon},
        {"9999-12-31T23:59:59Z", sys_days(9999y / December / 31) + 24h - 1s},
        {"0001-01-01T00:00:00Z", sys_days(1y / January / 1)},
        {"2026-02-30T12:00:00Z", std::nullopt},
        {"2026-01-31T24:00:00Z", std::nullopt},
        {"2026-01-31 12:00:00Z", std::nullopt},
        {"2026-01-31T12:00:00", std::nullopt},
        {"2026-01-31T12:00:00+0230", std::nullopt},
        {"2026-01-31T12:00:00+02:3", std::nullopt},
        {"2026-01-31T12:00:00ZZ", std::nullopt},
        {"2026-01-31T12:00:00xZ", std::nullopt},
        {"2026-01-31T12:00:00+", std::nullopt},
        {"+026-01-31T12:00:00Z", std::nullopt},
        {"", std::nullopt},
    };
    for (const auto& [text, time] : cases) {
        const auto read = kube::parse_exec_credential(
            credential(R"("token":"t","expirationTimestamp":")" + std::string(text) + "\""), v1);
        EXPECT_EQ(read.has_value(), time.has_value()) << text;
        if (read)
            EXPECT_EQ(read->expires, time) << text;
        else
            EXPECT_EQ(read.error().text, "its status.expirationTimestamp is no time of RFC 3339");
    }
}

TEST(ExecCredential, is_refused_with_the_reason) {
    const std::string both = R"("clientCertificateData":"-----BEGIN CERTIFICATE-----","clientKeyData":)";
    struct {
        std::string text;
        const char* error;
    } const cases[] = {
        {"", "printed no ExecCredential"},
        {"{}", "printed no ExecCredential"},
        {R"({"kind":"Status"})", "printed no ExecCredential"},
        {std::string(200'000, '{'), "printed no ExecCredential"},
        {credential(R"("token":"s3cr3t")", "client.authentication.k8s.io/v1beta1"),
         "is not of client.authentication.k8s.io/v1,"},
        {credential(""), "neither status.token nor"},
        {credential(R"("token":"s3cr3t\n")"), "token has a blank or a line end"},
        {credential(R"("clientCertificateData":"s3cr3t")"), "it gave only one"},
        {credential(R"("token":"t","clientKeyData":"s3cr3t")"), "it gave only one"},
        {credential(both + R"("s3cr3t")"), "is no PEM"},
        {credential(R"("token":"t","expirationTimestamp":7)"), "is no time of RFC 3339"},
    };
    for (const auto& [text, error] : cases) {
        const auto read = kube::parse_exec_credential(text, v1);
        ASSERT_FALSE(read) << error;
        EXPECT_NE(read.error().text.find(error), std::string::npos) << read.error().text;
        EXPECT_EQ(read.error().text.find("s3cr3t"), std::string::npos) << read.error().text;
    }
    const auto read = kube::parse_exec_credential(credential(both + R"("-----BEGIN PRIVATE KEY-----")"), v1);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->key, "-----BEGIN PRIVATE KEY-----");
}
