// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/tty.hpp"

#include <sys/sysmacros.h>

#include "../../support.hpp"
#include "wire.hpp"

using namespace lpm;

TEST(Terminals, are_told_by_device_and_index) {
    const std::string head("\x19\x43\x56\x54\x36\x30\x45\x59", 8);
    const auto end = [](unsigned device, unsigned minor, unsigned index) {
        return record(field(1, 1U) + field(8, static_cast<unsigned>(makedev(device, minor))) +
                      field(12, field(1, index)));
    };
    const auto ttys = criu::parse_tty_info(head + end(5, 2, 3) + end(136, 3, 3) + record(field(8, 0x401U)));
    ASSERT_TRUE(ttys) << ttys.error().text;
    ASSERT_EQ(ttys->size(), 3U);
    EXPECT_EQ(ttys->at(0).rdev, makedev(5, 2));
    EXPECT_EQ(ttys->at(1).index, 3U);
    EXPECT_FALSE(ttys->at(2).index) << "a console";
    EXPECT_TRUE(criu::parse_tty_info(head)->empty());
    EXPECT_FALSE(criu::parse_tty_info("no image"));
    EXPECT_FALSE(criu::parse_tty_info(head + record("\x0a\x05x")));
    EXPECT_FALSE(criu::parse_tty_info(head + record(field(12, std::string()))))
        << "a pseudo terminal without a number";
}
