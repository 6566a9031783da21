// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/daemon.hpp"

#include <gtest/gtest.h>

#include "inspect/crio_files.hpp"

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

TEST(Flag, is_any_value_that_is_given) {
    EXPECT_EQ(inspect::parse_flag("kubelet\0--feature-gates=A=true,B=false\0"sv, "feature-gates"),
              "A=true,B=false");
    EXPECT_EQ(inspect::parse_flag("kubelet\0--config\0x\0"sv, "config"), "x");
    EXPECT_EQ(inspect::parse_flag("kubelet\0--config-dir=/x\0"sv, "config"), std::nullopt);
    EXPECT_EQ(inspect::parse_flag("kubelet\0--config"sv, "config"), std::nullopt);
}

TEST(CrioFiles, are_those_of_its_command_line) {
    const auto usual = inspect::crio_files_of("crio\0--log-level=info\0"sv);
    EXPECT_EQ(usual.files.main, "/etc/crio/crio.conf");
    EXPECT_EQ(usual.files.folder, "/etc/crio/crio.conf.d");
    const auto own = inspect::crio_files_of("crio\0--config\0/a/conf\0--config-dir=/a/parts\0"sv);
    EXPECT_EQ(own.files.main, "/a/conf");
    EXPECT_EQ(own.files.folder, "/a/parts");
    EXPECT_EQ(own.unknown, "");
    const auto unknown = inspect::crio_files_of("crio\0--config=conf\0--config-dir=parts\0"sv);
    EXPECT_EQ(unknown.files.main, "/etc/crio/crio.conf");
    EXPECT_EQ(unknown.unknown, "--config=conf --config-dir=parts");
}
