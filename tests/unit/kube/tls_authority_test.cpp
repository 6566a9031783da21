// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/tls_authority.hpp"

#include <gtest/gtest.h>

#include "kube/tls.hpp"
#include "kube/tls_chain.hpp"
#include "kube/tls_request.hpp"

using namespace lpm;
using kube::Purpose;

namespace {

std::chrono::sys_seconds now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

kube::Validity days(int from, int until) {
    return {now() + std::chrono::days(from), now() + std::chrono::days(until)};
}

kube::KeyPair authority(const std::string& name, kube::Validity validity = days(-1, 10)) {
    const auto made = kube::make_authority(name, validity);
    EXPECT_TRUE(made);
    return made.value_or(kube::KeyPair{});
}

std::string signed_by(const kube::KeyPair& by, const std::string& key, Purpose purpose = Purpose::server,
                      kube::Validity validity = days(-1, 1)) {
    const auto made = kube::sign_key(by, key, {purpose, "lpm-sidecar", "node1", validity});
    EXPECT_TRUE(made) << made.error().text;
    return made.value_or("");
}

std::string why(const Result<>& done) {
    return done ? "" : done.error().text;
}

} // namespace

TEST(Authority, signs_what_others_verify) {
    const auto key = kube::make_key().value();
    const auto servers = authority("servers");
    const auto request = kube::make_request(key, "lpm-sidecar", "node1").value();
    const auto made =
        kube::sign_request(servers, request, {Purpose::server, "lpm-sidecar", "node1", days(-1, 1)});
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(why(kube::verify(*made, servers.certificate, Purpose::server, "node1")), "");
    EXPECT_NE(why(kube::verify(*made, servers.certificate, Purpose::server, "node2")), "");
    EXPECT_NE(why(kube::verify(*made, servers.certificate, Purpose::server, "lpm-sidecar")), "");
    EXPECT_NE(why(kube::verify(*made, servers.certificate, Purpose::client, "")), "");
    EXPECT_NE(why(kube::verify(*made, authority("servers").certificate, Purpose::server, "")), "");
    EXPECT_EQ(why(kube::judge_pair(*made, key)), "");
    EXPECT_NE(why(kube::judge_pair(*made, servers.key)), "");
    const auto read = kube::read_certificate(*made).value();
    EXPECT_EQ(read.subject, "CN=lpm-sidecar");
    EXPECT_EQ(read.issuer, "CN=servers");
}

TEST(Authority, signs_not_beyond_its_own_time) {
    const auto key = kube::make_key().value();
    const auto brief = authority("brief", days(-2, 1));
    const auto made = signed_by(brief, key, Purpose::server, days(-1, 90));
    EXPECT_EQ(kube::validity_of(made)->until, kube::validity_of(brief.certificate)->until);
    const auto late = authority("late", days(-2, -1));
    const auto none = kube::sign_key(late, key, {Purpose::server, "x", "", days(0, 1)});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().text, "the authority CN=late has expired");
    EXPECT_FALSE(kube::sign_key({brief.certificate, late.key}, key, {Purpose::server, "x", "", days(0, 1)}));
    EXPECT_FALSE(kube::sign_key(brief, key, {Purpose::server, std::string(65, 'x'), "", days(0, 1)}));
    EXPECT_FALSE(kube::sign_request(brief, "x", {Purpose::server, "x", "", days(0, 1)}));
}

TEST(Chain, of_servers_is_none_of_clients) {
    const auto key = kube::make_key().value();
    const auto servers = authority("servers");
    const auto old_clients = authority("clients 1");
    const auto clients = authority("clients 2");
    const auto both = clients.certificate + old_clients.certificate;
    const auto issued = kube::split_issued(signed_by(servers, key) + servers.certificate + both);
    ASSERT_TRUE(issued) << issued.error().text;
    EXPECT_EQ(issued->others, both);
    EXPECT_EQ(why(kube::verify(issued->chain, servers.certificate, Purpose::server, "node1")), "");
    EXPECT_NE(why(kube::verify(issued->chain, issued->others, Purpose::client, "")), "");
    for (const auto& one : {old_clients, clients})
        EXPECT_EQ(
            why(kube::verify(signed_by(one, key, Purpose::client), issued->others, Purpose::client, "")), "");
    EXPECT_NE(why(kube::verify(signed_by(clients, key), issued->others, Purpose::client, "")), "");
}

TEST(Chain, that_is_none_is_refused) {
    const auto key = kube::make_key().value();
    const auto servers = authority("servers");
    const auto leaf = signed_by(servers, key);
    EXPECT_EQ(kube::split_issued(leaf + servers.certificate)->others, "");
    EXPECT_EQ(kube::split_issued(leaf)->chain, leaf);
    for (const std::string& pem : {std::string(), servers.certificate, leaf + leaf,
                                   leaf + "-----BEGIN CERTIFICATE-----\nAA", leaf.substr(0, leaf.size() / 2)})
        EXPECT_FALSE(kube::split_issued(pem)) << pem;
    std::string many = leaf;
    for (int i = 0; i < 32; ++i)
        many += servers.certificate;
    EXPECT_FALSE(kube::split_issued(many));
    EXPECT_NE(why(kube::verify(signed_by(servers, key, Purpose::server, days(-2, -1)), servers.certificate,
                               Purpose::server, "")),
              "");
}

TEST(Request, tells_its_key_in_one_word) {
    const auto key = kube::make_key().value();
    const auto id = kube::key_id(key);
    ASSERT_TRUE(id);
    EXPECT_EQ(id->size(), 64U);
    EXPECT_EQ(kube::key_id(key).value(), *id);
    EXPECT_NE(kube::key_id(kube::make_key().value()).value(), *id);
    EXPECT_FALSE(kube::key_id("x"));
    EXPECT_FALSE(kube::make_request("x", "a", "b"));
    EXPECT_FALSE(kube::make_request(key, std::string(65, 'a'), "b"));
}
