// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/procnet.hpp"

#include <gtest/gtest.h>

using namespace lpm;

TEST(Procnet, writes_addresses_for_people) {
    EXPECT_EQ(procfs::readable_address("0100007F:0050"), "127.0.0.1:80");
    EXPECT_EQ(procfs::readable_address("B80D0120000000000000000001000000:1F90"), "[2001:db8::1]:8080");
    EXPECT_EQ(procfs::readable_address("0000000000000000FFFF0000010200C0:0050"), "192.0.2.1:80");
}
