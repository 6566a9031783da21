// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "signer/judge.hpp"

#include <gtest/gtest.h>

#include "../../kube/requests.hpp"
#include "kube/base64.hpp"
#include "kube/tls_request.hpp"

using namespace lpm;
using controller::CertificateRequest;
using test::Wanted;

namespace {

CertificateRequest asked(const std::string& pem) {
    return {.name = "lpm-1",
            .signer = std::string(controller::sidecar_signer),
            .user = "system:node:node1",
            .groups = {"system:nodes", "system:authenticated"},
            .usages = {"digital signature", "server auth"},
            .seconds = {},
            .pem = pem};
}

// The reason, or "" for one that is signed.
std::string verdict(const CertificateRequest& request) {
    const auto refusal = controller::judge_request(request);
    EXPECT_TRUE(!refusal || (!refusal->message.empty() && refusal->message.size() < 1000));
    return refusal ? refusal->reason : "";
}

std::string verdict(const Wanted& wanted) {
    return verdict(asked(test::request(wanted)));
}

std::string verdict_of_names(const std::string& names) {
    return verdict({.extensions = {{NID_subject_alt_name, names}}});
}

} // namespace

TEST(Judge, lets_a_node_have_what_the_sidecar_asks_for) {
    const auto key = kube::make_key();
    ASSERT_TRUE(key);
    const auto pem = kube::make_request(*key, std::string(controller::sidecar_subject), "node1");
    ASSERT_TRUE(pem);
    EXPECT_EQ(verdict(asked(*pem)), "");
    for (const char* kind : {"P-256", "P-384", "RSA:2048"})
        EXPECT_EQ(verdict(Wanted{.key = kind}), "") << kind;
    EXPECT_EQ(verdict({.extensions = {{NID_subject_alt_name, "critical,DNS:node1"}}}), "");
    CertificateRequest turned = asked(*pem);
    turned.usages = {"server auth", "digital signature"};
    EXPECT_EQ(verdict(turned), "");
}

TEST(Judge, takes_only_nodes) {
    for (const char* user :
         {"system:serviceaccount:kube-system:default", "system:serviceaccount:default:node1", "admin",
          "system:node:", "system:node:node1,DNS:other", "system:node:Node1", "system:node:a..b",
          "system:node:node1.", "system:node:-a", "xsystem:node:node1", ""}) {
        CertificateRequest request = asked(test::request());
        request.user = user;
        EXPECT_EQ(verdict(request), "NotANode") << user;
    }
    CertificateRequest request = asked(test::request());
    request.groups = {"system:authenticated", "system:masters"};
    EXPECT_EQ(verdict(request), "NotANode");
}

TEST(Judge, takes_only_the_usages_of_a_server) {
    using Usages = std::vector<std::string>;
    for (const Usages& usages : {Usages{}, Usages{"server auth"}, Usages{"digital signature", "client auth"},
                                 Usages{"digital signature", "server auth", "client auth"},
                                 Usages{"digital signature", "server auth", "any"},
                                 Usages{"digital signature", "key encipherment", "server auth"},
                                 Usages{"server auth", "digital signature", "digital signature"},
                                 Usages{"Server Auth", "digital signature"}}) {
        CertificateRequest request = asked(test::request());
        request.usages = usages;
        EXPECT_EQ(verdict(request), "UsagesNotAllowed");
    }
}

TEST(Judge, takes_only_the_name_of_the_node_that_asks) {
    for (const char* names :
         {"DNS:node2", "DNS:node1,DNS:node2", "DNS:node1,DNS:node1", "DNS:node1,IP:10.0.0.1", "IP:10.0.0.1",
          "DNS:node1,email:a@b.c", "DNS:node1,URI:spiffe://x/y", "DNS:node1,RID:1.2.3.4", "DNS:*",
          "DNS:NODE1", "DNS:node1.", "URI:node1", "email:node1"})
        EXPECT_EQ(verdict_of_names(names), "NamesNotAllowed") << names;
    EXPECT_EQ(verdict(Wanted{.extensions = {}}), "NamesNotAllowed");
    CertificateRequest other = asked(test::request());
    other.user = "system:node:node2";
    EXPECT_EQ(verdict(other), "NamesNotAllowed");
}

TEST(Judge, takes_no_other_subject_and_no_other_extension) {
    using Subject = std::vector<std::pair<std::string, std::string>>;
    for (const Subject& subject :
         {Subject{}, Subject{{"CN", "lpm-controller"}},
          Subject{{"CN", "system:node:node1"}, {"O", "system:nodes"}},
          Subject{{"CN", "lpm-sidecar"}, {"CN", "lpm-controller"}}, Subject{{"O", "lpm-sidecar"}},
          Subject{{"CN", "lpm-sidecar"}, {"O", "system:masters"}}})
        EXPECT_EQ(verdict(Wanted{.subject = subject}), "SubjectNotAllowed");
    for (const auto& [kind, value] : {std::pair{NID_basic_constraints, "CA:TRUE"},
                                      {NID_key_usage, "keyCertSign"},
                                      {NID_ext_key_usage, "clientAuth"},
                                      {NID_subject_alt_name, "DNS:node1"},
                                      {NID_name_constraints, "permitted;DNS:x"}})
        EXPECT_EQ(verdict({.extensions = {{NID_subject_alt_name, "DNS:node1"}, {kind, value}}}),
                  "ExtensionsNotAllowed")
            << value;
    EXPECT_EQ(verdict(Wanted{.password = "x"}), "ExtensionsNotAllowed");
}

TEST(Judge, takes_no_weak_key_and_none_that_did_not_sign) {
    for (const char* kind : {"RSA:1024", "P-521", "secp256k1", "ED25519"})
        EXPECT_EQ(verdict(Wanted{.key = kind}), "KeyNotAllowed") << kind;
    EXPECT_EQ(verdict(Wanted{.written_out = true}), "KeyNotAllowed");
    EXPECT_EQ(verdict(Wanted{.by_another = true}), "NotSignedByItsKey");
}

TEST(Judge, takes_nothing_that_it_cannot_read) {
    const std::string good = test::request();
    std::string cut = good;
    cut.erase(100, 4);
    std::string padded = good;
    padded.insert(0, std::string(kube::longest_request, '\n'));
    const std::string head = "-----BEGIN CERTIFICATE REQUEST-----\n";
    std::string locked = good;
    locked.insert(head.size(),
                  "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n");
    for (const std::string& pem : {std::string(), std::string("x"), head, cut, good + good, padded, locked,
                                   good.substr(0, good.size() / 2)})
        EXPECT_EQ(verdict(asked(pem)), "Unreadable") << pem.substr(0, 200);
    EXPECT_EQ(verdict(asked("-----BEGIN NEW CERTIFICATE REQUEST-----\n" + good.substr(head.size()))),
              "Unreadable");
}

TEST(CertificateRequest, is_read_from_its_object) {
    const json::Value object = {{"metadata", {{"name", "a"}}},
                                {"spec",
                                 {{"signerName", "lpm.my.domain/sidecar"},
                                  {"username", "system:node:n"},
                                  {"groups", {"system:nodes"}},
                                  {"usages", {"server auth"}},
                                  {"expirationSeconds", 600},
                                  {"request", kube::base64("pem")}}}};
    const auto read = controller::read_certificate_request(object);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->node(), "n");
    EXPECT_EQ(read->pem, "pem");
    EXPECT_EQ(read->seconds, 600);
    EXPECT_FALSE(read->approved || read->ended);
    EXPECT_TRUE(controller::read_certificate_request(controller::with_condition(object, "Approved", "R", "m"))
                    ->approved);
    for (const auto& ended :
         {controller::with_condition(object, "Denied", "R", "m"),
          controller::with_condition(object, "Failed", "R", "m"), controller::with_certificate(object, "x")})
        EXPECT_TRUE(controller::read_certificate_request(ended)->ended);
}

TEST(CertificateRequest, that_is_none_is_refused) {
    const json::Value good = {{"metadata", {{"name", "a"}}},
                              {"spec", {{"signerName", "s"}, {"request", "cA=="}}}};
    EXPECT_TRUE(controller::read_certificate_request(good));
    for (const char* change : {R"({"metadata": {"name": ""}})", R"({"metadata": 1})",
                               R"({"spec": {"request": "*"}})", R"({"spec": {"signerName": null}})",
                               R"({"spec": {"groups": "x"}})", R"({"spec": {"usages": [1]}})"}) {
        json::Value object = good;
        object.merge_patch(json::parse(change).value());
        EXPECT_FALSE(controller::read_certificate_request(object)) << change;
    }
    json::Value many = good;
    many["spec"]["groups"] = json::Value(std::vector<std::string>(4097, "g"));
    EXPECT_FALSE(controller::read_certificate_request(many));
    many = good;
    many["spec"]["request"] = std::string((2 << 20) + 4, 'A');
    EXPECT_FALSE(controller::read_certificate_request(many));
}
