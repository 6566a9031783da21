// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/engine.hpp"

#include <gtest/gtest.h>

using namespace lpm;
using namespace std::string_view_literals;

TEST(Monitor, is_known_by_its_command_line) {
    const auto monitor = inspect::parse_monitor("/usr/bin/conmon\0-b\0/run/b\0-c\0id\0--persist-dir\0/var/"
                                                "lib/c\0-r\0/etc/lpm/bin/runc\0--runtime-arg\0"
                                                "--root=/run/runc\0-s\0"sv);
    ASSERT_TRUE(monitor);
    EXPECT_EQ(monitor->runtime, "/etc/lpm/bin/runc");
    EXPECT_EQ(monitor->persist_dir, "/var/lib/c");
}

TEST(Monitor, is_no_other_program) {
    EXPECT_FALSE(inspect::parse_monitor("/usr/bin/containerd-shim-runc-v2\0-namespace\0k8s.io\0"sv));
    EXPECT_FALSE(inspect::parse_monitor(""));
    const auto cut = inspect::parse_monitor("conmon\0-r"sv);
    ASSERT_TRUE(cut);
    EXPECT_EQ(cut->runtime, "");
}

TEST(Located, of_one_that_is_nowhere_names_it) {
    const std::vector<std::string> roots = {"/nonexistent"};
    const Deadline deadline(std::chrono::seconds(1));
    const auto by_id = inspect::locate({.id = "abc"}, roots, deadline);
    ASSERT_FALSE(by_id);
    EXPECT_EQ(by_id.error().code, Errc::absent);
    EXPECT_EQ(by_id.error().text, "container abc is not on this node");
    const auto by_name = inspect::locate({.name_space = "n", .pod = "p", .name = "c"}, roots, deadline);
    ASSERT_FALSE(by_name);
    EXPECT_EQ(by_name.error().text, "container c of pod n/p is not on this node");
}
