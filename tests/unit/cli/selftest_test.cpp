// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "selftest/spec.hpp"

#include <filesystem>

#include <gtest/gtest.h>

using namespace lpm;

TEST(Selftest, says_what_the_runtime_said_last) {
    EXPECT_EQ(selftest::last_message("{\"msg\":\"one\"}\n{\"level\":\"error\",\"msg\":\"two\"}\n\n"), "two");
    EXPECT_EQ(selftest::last_message("{\"msg\":\"one\"}\nkilled\n"), "killed");
    EXPECT_EQ(selftest::last_message("{\"msg\":\"a\\nb\"}"), "a b");
    EXPECT_EQ(selftest::last_message(""), "");
}

TEST(Selftest, shows_the_end_of_a_log) {
    EXPECT_EQ(selftest::end_of("a\nb\nc\033[1m\n", 2), "b\nc [1m");
    EXPECT_EQ(selftest::end_of("a", 2), "a");
    EXPECT_EQ(selftest::end_of("", 2), "");
}

TEST(Selftest, mounts_what_the_node_has) {
    const auto points = [](bool merged) {
        std::vector<std::string> all;
        const auto spec = selftest::make_spec("/r", "x", merged);
        for (const auto& mount : spec.at("mounts"))
            if (mount.at("type") == "bind") {
                all.push_back(mount.at("destination").get<std::string>());
                EXPECT_EQ(mount.at("options").back(), "ro") << all.back();
            }
        return all;
    };
    EXPECT_EQ(points(true), std::vector<std::string>{"/usr"});
    std::vector<std::string> apart{"/usr", "/bin", "/lib"};
    if (std::filesystem::exists("/lib64")) // the loader of x86-64 is there
        apart.emplace_back("/lib64");
    EXPECT_EQ(points(false), apart);
    const auto spec = selftest::make_spec("/r", "x", true);
    EXPECT_EQ(spec.at("root").at("path"), "/r");
    EXPECT_EQ(spec.at("linux").at("cgroupsPath"), "/x") << "no other cgroup stays when that one goes";
    EXPECT_EQ(spec.at("process").at("args").size(), 2U);
}
