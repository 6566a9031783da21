// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/daemon.hpp"

#include <gtest/gtest.h>

using namespace lpm;
using namespace std::string_view_literals;

TEST(KubeletDir, is_what_its_command_line_says) {
    EXPECT_EQ(inspect::parse_kubelet_dir("/usr/bin/kubelet\0--config\0/x\0--root-dir=/data/kubelet\0"sv),
              "/data/kubelet");
    EXPECT_EQ(inspect::parse_kubelet_dir("kubelet\0--root-dir\0/data/k\0--v=2\0"sv), "/data/k");
    EXPECT_EQ(inspect::parse_kubelet_dir("kubelet\0--root-dir=/a\0--root-dir=/b\0"sv), "/b");
    EXPECT_EQ(inspect::parse_kubelet_dir("kubelet\0--root-dir\0"sv), std::nullopt);
    EXPECT_EQ(inspect::parse_kubelet_dir("kubelet\0--root-dir=data\0"sv), std::nullopt);
    EXPECT_EQ(inspect::parse_kubelet_dir("--root-dir=/a\0--v=2\0"sv), std::nullopt);
    EXPECT_EQ(inspect::parse_kubelet_dir(""sv), std::nullopt);
}
