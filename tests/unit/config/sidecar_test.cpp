// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/sidecar.hpp"

#include <gtest/gtest.h>

#include "config/document.hpp"

using namespace lpm;
using config::Right;

static std::string problems(std::string_view text) {
    const auto read = config::parse_sidecar(text, "f");
    return read ? "" : read.error().text;
}

TEST(SidecarSettings, are_those_of_the_file) {
    const auto read = config::parse_sidecar(R"(
[listen]
tls = ":9442"
metrics = "127.0.0.1:9443"
[tls]
certificate_file = "/c"
key_file = "/k"
client_ca_file = "/ca"
[clients]
lpm-controller = ["info", "prepare"]
"Ops Team" = []
[enroll]
kubeconfig = "/k"
wait_seconds = 600
[log]
format = "json"
)",
                                            "f");
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->tls, ":9442");
    EXPECT_EQ(read->metrics, "127.0.0.1:9443");
    EXPECT_EQ(read->client_ca_file, "/ca");
    EXPECT_EQ(read->clients.at("lpm-controller"), (std::vector<Right>{Right::info, Right::prepare}));
    EXPECT_TRUE(read->clients.at("Ops Team").empty());
    EXPECT_EQ(read->enroll_kubeconfig, "/k");
    EXPECT_EQ(read->enroll_wait_seconds, 600U);
    EXPECT_TRUE(read->log_json);
    EXPECT_EQ(read->log_level, "info");
}

TEST(SidecarSettings, let_nobody_in_by_default) {
    const auto read = config::parse_sidecar("", "f");
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->tls.empty());
    EXPECT_TRUE(read->metrics.empty());
    EXPECT_TRUE(read->clients.empty());
}

TEST(SidecarSettings, that_are_wrong_are_told_by_line) {
    EXPECT_NE(problems("[listen]\ntls = \":9442\"\n").find("f:2: listen.tls: needs tls.client_ca_file"),
              std::string::npos);
    EXPECT_NE(problems("[clients]\na = [\"everything\"]\n").find("f:2: clients.a: must be for a name"),
              std::string::npos);
    EXPECT_NE(problems("[clients]\na = \"info\"\n").find("f:2: clients.a"), std::string::npos);
    EXPECT_NE(problems("[clients]\n\"" + std::string(65, 'a') + "\" = []\n").find("f:2:"), std::string::npos);
    EXPECT_NE(problems("[tls]\nkey_file = \"k\"\n").find("f:2: tls.key_file: must be an absolute path"),
              std::string::npos);
    EXPECT_NE(problems("[tls]\nca = \"/k\"\n").find("f:2: tls.ca: unknown key"), std::string::npos);
    EXPECT_NE(problems("listen = 1\n").find("f:1: listen: must be a table"), std::string::npos);
    EXPECT_NE(problems("[listen").find("f:1:"), std::string::npos);
}
