// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/bundle.hpp"

#include "../support.hpp"

using namespace lpm;

TEST(Bundle, reads_what_runc_makes) {
    const auto bundle = oci::parse_bundle(data("oci/config.json"));
    ASSERT_TRUE(bundle) << bundle.error().text;
    EXPECT_FALSE(bundle->terminal);
    EXPECT_TRUE(bundle->network_namespace);
    EXPECT_FALSE(bundle->criu_config);
}

TEST(Bundle, reads_names_and_joined_namespaces) {
    const auto bundle = oci::parse_bundle(R"({"process":{"terminal":true},
        "linux":{"namespaces":[{"type":"pid"},{"type":"network","path":"/run/netns/x"}]},
        "annotations":{"io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop",
                       "io.kubernetes.cri.sandbox-name":"other","org.criu.config":""}})");
    ASSERT_TRUE(bundle) << bundle.error().text;
    EXPECT_TRUE(bundle->terminal);
    EXPECT_TRUE(bundle->network_namespace);
    EXPECT_EQ(bundle->names,
              (std::vector<std::pair<std::string, std::string>>{{"namespace", "shop"}, {"pod", "web-1"}}));
    EXPECT_EQ(bundle->criu_config, "");
}

TEST(Bundle, bears_wrong_types) {
    EXPECT_TRUE(oci::parse_bundle(R"({"process":3,"linux":{"namespaces":[1,"x",{}]},"annotations":[1]})"));
    EXPECT_FALSE(oci::parse_bundle("[]"));
    EXPECT_FALSE(oci::parse_bundle(""));
}
