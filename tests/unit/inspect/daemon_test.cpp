// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/daemon.hpp"

#include <gtest/gtest.h>

using namespace lpm;
using inspect::parse_path_flag;
using namespace std::string_view_literals;

TEST(PathFlag, is_what_a_command_line_says) {
    EXPECT_EQ(parse_path_flag("/usr/bin/kubelet\0--config\0/x\0--root-dir=/data/kubelet\0"sv, "root-dir"),
              "/data/kubelet");
    EXPECT_EQ(parse_path_flag("kubelet\0--root-dir\0/data/k\0--v=2\0"sv, "root-dir"), "/data/k");
    EXPECT_EQ(parse_path_flag("kubelet\0--root-dir=/a\0--root-dir=/b\0"sv, "root-dir"), "/b");
    for (const auto none :
         {"kubelet\0--root-dir\0"sv, "kubelet\0--root-dir=data\0"sv, "--root-dir=/a\0--v=2\0"sv,
          "kubelet\0--root-dirs=/a\0"sv, "kubelet\0-root-dir=/a\0"sv, ""sv})
        EXPECT_EQ(parse_path_flag(none, "root-dir"), std::nullopt) << none;
}
