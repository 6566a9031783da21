// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/inventory.hpp"

#include "../../support.hpp"

using namespace lpm;

TEST(Inventory, tells_how_the_network_was_locked) {
    const auto inventory = criu::parse_inventory(data("images/inventory.img"));
    ASSERT_TRUE(inventory);
    EXPECT_EQ(inventory->img_version, 2U);
    EXPECT_EQ(inventory->network_lock_method, 0U);
}

TEST(Inventory, tells_what_the_dump_was_told) {
    const std::string head("\x16\x31\x31\x58", 4);
    const auto inventory =
        criu::parse_inventory(head + std::string("\x08\0\0\0\x08\x01\x30\x02\x50\x01\x70\x01", 12));
    ASSERT_TRUE(inventory) << inventory.error().text;
    EXPECT_EQ(inventory->lsmtype, criu::LsmType::apparmor);
    EXPECT_TRUE(inventory->tcp_close);
    EXPECT_TRUE(inventory->allow_uprobes);
}
