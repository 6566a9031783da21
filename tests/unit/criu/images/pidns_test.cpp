// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/pidns.hpp"

#include "../../support.hpp"
#include "wire.hpp"

using namespace lpm;

TEST(OpenFiles, tell_a_namespace_that_was_joined) {
    const std::string head("\x19\x43\x56\x54\x26\x73\x15\x61", 8);
    EXPECT_EQ(criu::parse_pidns(head + record(field(1, "extRootPidNS"))).value_or("?"), "extRootPidNS");
    EXPECT_FALSE(criu::parse_pidns(head));
    EXPECT_FALSE(criu::parse_pidns(head + record("\x0a\x05x")));
}
