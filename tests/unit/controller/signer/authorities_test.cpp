// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "signer/authorities.hpp"

#include <gtest/gtest.h>

#include "kube/base64.hpp"
#include "kube/tls_chain.hpp"
#include "kube/tls_request.hpp"

using namespace lpm;
using kube::Purpose;

namespace {

std::chrono::sys_seconds now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

json::Value fresh() {
    return controller::make_authorities("lpm-system", now()).value();
}

std::string text(const json::Value& secret, const std::string& member) {
    return kube::from_base64(secret["data"][member].get<std::string>()).value();
}

std::string why(const json::Value& secret) {
    const auto read = controller::read_authorities(secret);
    return read ? "" : read.error().text;
}

} // namespace

TEST(Authorities, are_read_as_they_were_made) {
    const auto secret = fresh();
    EXPECT_EQ(secret["metadata"], (json::Value{{"name", "lpm-authorities"}, {"namespace", "lpm-system"}}));
    const auto read = controller::read_authorities(secret);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->sidecars.trusted, text(secret, "sidecars.crt"));
    EXPECT_EQ(read->clients.current.key, text(secret, "clients.key"));
    const auto validity = kube::validity_of(read->clients.trusted);
    EXPECT_GT(validity->until, now() + std::chrono::days(3600));
    EXPECT_LT(validity->from, now());
}

// The new one signs, and what the old one has signed is good as well.
TEST(Authorities, may_be_more_than_one_of_a_kind) {
    const auto old = fresh();
    auto secret = fresh();
    for (const char* member : {"sidecars.crt", "clients.crt"})
        secret["data"][member] = kube::base64(text(secret, member) + text(old, member));
    const auto read = controller::read_authorities(secret);
    ASSERT_TRUE(read) << read.error().text;
    const auto key = kube::make_key().value();
    const kube::Leaf leaf{Purpose::client, "lpm-controller", "", {now(), now() + std::chrono::days(1)}};
    for (const auto& signer : {read->clients.current, controller::read_authorities(old)->clients.current})
        EXPECT_TRUE(kube::verify(kube::sign_key(signer, key, leaf).value(), read->clients.trusted,
                                 Purpose::client, ""));
    EXPECT_EQ(kube::sign_key(read->clients.current, key, leaf).has_value(), true);
}

TEST(Authorities, that_cannot_be_used_are_told) {
    const auto good = fresh();
    EXPECT_NE(why(json::Value::object()).find("sidecars.crt is missing"), std::string::npos);
    for (const char* member : {"sidecars.crt", "sidecars.key", "clients.crt", "clients.key"}) {
        auto secret = good;
        secret["data"][member] = "*";
        EXPECT_NE(why(secret).find(std::string(member) + " is missing, or no base64"), std::string::npos);
        secret["data"][member] = kube::base64("x");
        EXPECT_TRUE(why(secret).starts_with("Secret lpm-authorities: ")) << why(secret);
        secret["data"][member] = std::string(65540, 'A');
        EXPECT_NE(why(secret), "");
    }
    auto mixed = good;
    mixed["data"]["sidecars.key"] = good["data"]["clients.key"];
    EXPECT_NE(why(mixed).find("the certificate is of another key"), std::string::npos) << why(mixed);
    // Else each sidecar's certificate would be one of the clients' authority.
    auto shared = good;
    shared["data"]["clients.crt"] = kube::base64(text(good, "clients.crt") + text(good, "sidecars.crt"));
    EXPECT_NE(why(shared).find("share an authority"), std::string::npos) << why(shared);
    auto leaf = good;
    const auto key = kube::make_key().value();
    const auto pair = controller::read_authorities(good).value();
    const auto made = kube::sign_key(pair.clients.current, key,
                                     {Purpose::client, "x", "", {now(), now() + std::chrono::days(1)}});
    leaf["data"]["clients.crt"] = kube::base64(*made);
    leaf["data"]["clients.key"] = kube::base64(key);
    EXPECT_NE(why(leaf).find("is no authority"), std::string::npos) << why(leaf);
}
