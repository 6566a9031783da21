// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/network_lock.hpp"

#include <gtest/gtest.h>
#include <linux/netfilter.h>

using namespace lpm;

TEST(NetworkLock, is_found_among_the_chains_of_others) {
    const auto lock = criu::find_network_lock({{NFPROTO_IPV4, "filter", "INPUT"},
                                               {NFPROTO_IPV4, "filter", "CRIU"},
                                               {NFPROTO_IPV6, "nat", "CRIU"},
                                               {NFPROTO_INET, "CRIU-0d57fac1-1840-4323-94", "input"},
                                               {NFPROTO_INET, "CRIU-0d57fac1-1840-4323-94", "output"},
                                               {NFPROTO_INET, "kube", "CRIU"}});
    EXPECT_TRUE(lock.chain4);
    EXPECT_FALSE(lock.chain6);
    EXPECT_EQ(lock.tables, std::vector<std::string>{"CRIU-0d57fac1-1840-4323-94"});
    EXPECT_FALSE(criu::find_network_lock({{NFPROTO_INET, "kube", "input"}}).any());
}

// What real runs made: CRIU has room for 21 letters.
TEST(NetworkLock, belongs_to_the_run_in_its_name) {
    EXPECT_TRUE(criu::belongs_to("CRIU-a7d2d631-fd11-4f76-b4", "a7d2d631-fd11-4f76-b445-002bf00ba2e0"));
    EXPECT_TRUE(criu::belongs_to("CRIU-a7d2d631-fd11-4f76-b445-002bf00ba2e0",
                                 "a7d2d631-fd11-4f76-b445-002bf00ba2e0"));
    EXPECT_FALSE(criu::belongs_to("CRIU-a7d2d631-fd11-4f76-b5", "a7d2d631-fd11-4f76-b445-002bf00ba2e0"));
    EXPECT_FALSE(criu::belongs_to("CRIU-a7d2d631", "a7d2d631-fd11-4f76-b445-002bf00ba2e0"));
    EXPECT_FALSE(criu::belongs_to("CRIU-", "a7d2d631-fd11-4f76-b445-002bf00ba2e0"));
    EXPECT_FALSE(criu::belongs_to("CRIU-a7d2d631-fd11-4f76-b4", ""));
    EXPECT_FALSE(criu::belongs_to("filter", "filter"));
}
