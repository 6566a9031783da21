// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "harness.hpp"

#include <gtest/gtest.h>

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (!GTEST_FLAG_GET(list_tests))
        lpm::test::enter_private_world();
    return RUN_ALL_TESTS();
}
