// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/tls.hpp"

#include <string>

#include <gtest/gtest.h>

using namespace lpm;

// Pins as `openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary |
// base64` prints them. `authority` has signed `node`; `impostor` has its name, and another key signed it.

static const std::string authority = R"(-----BEGIN CERTIFICATE-----
MIIBUTCB+aADAgECAgEHMAoGCCqGSM49BAMCMDMxEzARBgNVBAoMCmxwbSwgdGVz
dHMxHDAaBgNVBAMME25vZGUxLWNhQDE3NjQwMDAwMDAwHhcNMjUwMTAxMDAwMDAw
WhcNNDUwMTAyMDMwNDA1WjAzMRMwEQYDVQQKDApscG0sIHRlc3RzMRwwGgYDVQQD
DBNub2RlMS1jYUAxNzY0MDAwMDAwMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
KJgtOvkKr+KWdu9lR8gc6Y6uE1iGjpuSlHOEshrYMADnbQp01o4pRDuFjc+p22BL
hZds3D9TYuO6/OYuSZjFNTAKBggqhkjOPQQDAgNHADBEAiAeYeFvL4kQPOFHyCON
xtyF4yjMAeqq7n7uz3P7hRGIFgIgIk8yJb5ASjHQMT3S2/LSRqevrf5kzmWZvxIg
HvmuMI8=
-----END CERTIFICATE-----
)";

static const std::string node = R"(-----BEGIN CERTIFICATE-----
MIIBOzCB46ADAgECAgEHMAoGCCqGSM49BAMCMDMxEzARBgNVBAoMCmxwbSwgdGVz
dHMxHDAaBgNVBAMME25vZGUxLWNhQDE3NjQwMDAwMDAwIBcNMjUwMTAxMDAwMDAw
WhgPMjA2NTAxMDIwMzA0MDVaMBsxGTAXBgNVBAMMEG5vZGUxQDE3NjQwMDAwMDAw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR0h3S/JHrXgkvhfAZlrv9GTOmWK+AO
YM1rQofZdQvlxrK+muDifk2vx5/T/uTpPDW6OQgjX8nKRDuJQuFt5D/sMAoGCCqG
SM49BAMCA0cAMEQCICcOpjT04sqByHZuz/2TL4VCdLL2IafFvyM3jS/NqOGGAiB4
t5/bk68Y0HyRV1pjqc0pIqhRxj8lELoqIrWhf8Js0g==
-----END CERTIFICATE-----
)";

static const std::string impostor = R"(-----BEGIN CERTIFICATE-----
MIIBUzCB+aADAgECAgEHMAoGCCqGSM49BAMCMDMxEzARBgNVBAoMCmxwbSwgdGVz
dHMxHDAaBgNVBAMME25vZGUxLWNhQDE3NjQwMDAwMDAwHhcNMjUwMTAxMDAwMDAw
WhcNNDUwMTAyMDMwNDA1WjAzMRMwEQYDVQQKDApscG0sIHRlc3RzMRwwGgYDVQQD
DBNub2RlMS1jYUAxNzY0MDAwMDAwMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
dId0vyR614JL4XwGZa7/RkzplivgDmDNa0KH2XUL5cayvprg4n5Nr8ef0/7k6Tw1
ujkII1/JykQ7iULhbeQ/7DAKBggqhkjOPQQDAgNJADBGAiEA7DP6vu8eWM4Cqeiw
GRbgHxxufdhMWK/7bGEPb6kirTUCIQDbcguPOJViuXu1fZHg5FSjvSu/r3r3zP8h
eI/9ZY48SA==
-----END CERTIFICATE-----
)";

TEST(Tls, describes_a_certificate) {
    const auto read = kube::read_certificate(node);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->subject, "CN=node1@1764000000");
    EXPECT_EQ(read->issuer, R"(CN=node1-ca@1764000000,O=lpm\, tests)");
    EXPECT_EQ(read->expires, "2065-01-02T03:04:05.000Z");
    EXPECT_EQ(read->pin, "sha256//gNIhEZumOKO63RGI4vMVfoxfhD5RhvLe1IfQ8PYKXws=");
    EXPECT_FALSE(read->self_signed);
}

TEST(Tls, tells_who_has_signed_it_by_the_signature) {
    const auto read = kube::read_certificate(authority);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_TRUE(read->self_signed);
    EXPECT_EQ(read->expires, "2045-01-02T03:04:05.000Z");
    EXPECT_EQ(read->pin, "sha256//cXsyqRTUh5eO1Wr+2pZiFsdV6pQOuTNKbXYvxW4MTPo=");
    EXPECT_FALSE(kube::read_certificate(impostor).value().self_signed);
}

TEST(Tls, takes_the_first_of_a_chain_and_passes_over_what_is_none) {
    const std::string key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    EXPECT_EQ(kube::read_certificate(node + authority).value().subject, "CN=node1@1764000000");
    EXPECT_EQ(kube::read_certificate("# kubelet\n" + key + node).value().subject, "CN=node1@1764000000");
}

TEST(Tls, refuses_what_is_no_certificate) {
    const std::string head = "-----BEGIN CERTIFICATE-----\n";
    const std::string foot = "-----END CERTIFICATE-----\n";
    std::string broken = node;
    broken.replace(broken.find("MIIB"), 4, "MIIC");
    const std::string none = head + "AAAA\n" + foot;
    // That one would have OpenSSL ask for a passphrase at the terminal.
    std::string locked = node;
    locked.insert(head.size(),
                  "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n");
    for (const auto& text : {std::string(), std::string("x"), head, head + foot, none,
                             node.substr(0, node.size() / 2), broken, locked, std::string(2'000'000, 'x')}) {
        const auto read = kube::read_certificate(text);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code, Errc::invalid);
        EXPECT_TRUE(read.error().text.starts_with("certificate: ")) << read.error().text;
    }
}
