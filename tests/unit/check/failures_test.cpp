// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/failures.hpp"

#include <set>

#include <gtest/gtest.h>

#include "check/check.hpp"
#include "criu/log.hpp"

using namespace lpm;

TEST(Failures, have_one_remedy_each) {
    std::set<std::string_view> codes;
    for (const auto& entry : check::table())
        codes.insert(entry.id);
    for (const auto& failure : check::failures()) {
        EXPECT_TRUE(codes.insert(failure.code).second) << failure.code;
        EXPECT_EQ(check::remedy_of(failure.code), failure.remedy);
        EXPECT_FALSE(failure.remedy.empty()) << failure.code;
    }
    EXPECT_EQ(check::remedy_of("Traced"), "end the debugger");
    EXPECT_EQ(check::remedy_of("CriuError"), "");
}

TEST(Failures, are_all_that_a_log_may_tell) {
    for (const auto code : criu::error_codes())
        EXPECT_FALSE(check::remedy_of(code).empty()) << code;
}

// A kubelet's user has no argv to change.
TEST(Failures, can_be_mended_under_a_kubelet) {
    for (const auto& entry : check::table())
        EXPECT_EQ(entry.remedy.find("--image-path"), std::string_view::npos) << entry.id;
    for (const auto& failure : check::failures())
        EXPECT_EQ(failure.remedy.find("pass --"), std::string_view::npos) << failure.code;
}
