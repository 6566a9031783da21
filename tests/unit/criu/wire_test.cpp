// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/wire.hpp"

#include <gtest/gtest.h>
#include <string>

using namespace lpm;

TEST(Wire, reads_every_kind_of_field) {
    criu::Message message(std::string_view("\x08\xac\x02\x12\x02hi\x1d\1\0\0\0\x21\2\0\0\0\0\0\0\0", 21));
    EXPECT_EQ(message.next()->value, 300U);
    EXPECT_EQ(message.next()->bytes, "hi");
    EXPECT_EQ(message.next()->value, 1U);
    EXPECT_EQ(message.next()->value, 2U);
    EXPECT_FALSE(message.next());
    EXPECT_FALSE(message.broken());
}

TEST(Wire, tells_damage_from_an_end) {
    for (const std::string_view bad :
         {std::string_view("\x08"), std::string_view("\x08\x80"), std::string_view("\x12\x05hi"),
          std::string_view("\x0b"), std::string_view("\0\1", 2),
          std::string_view("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")}) {
        criu::Message message(bad);
        while (message.next())
            continue;
        EXPECT_TRUE(message.broken());
    }
}
