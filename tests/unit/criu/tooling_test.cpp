// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/tooling.hpp"

#include "../support.hpp"

using namespace lpm;

TEST(Tooling, survives_being_written_and_read) {
    criu::Tooling tooling;
    tooling.boot_id = "b";
    tooling.runtimes.push_back(
        {"/r", "1:2:3", oci::RuntimeKind::crun, "1.21", true, {"image-path"}, {"bundle"}});
    tooling.crius.push_back({"/c", "4:5:6", 40201, "nftables", "it failed", "", {{"get_rseq_conf"}}, true});
    const TempDir dir;
    dir.write("probe.json", criu::write_tooling(tooling));
    const auto read = criu::read_tooling(dir.path("probe.json"), "b");
    ASSERT_NE(read.runtime("1:2:3"), nullptr);
    EXPECT_EQ(read.runtime("1:2:3")->kind, oci::RuntimeKind::crun);
    EXPECT_EQ(read.runtime("1:2:3")->criu, true);
    EXPECT_EQ(read.runtime("1:2:3")->checkpoint_flags, (std::vector<std::string>{"image-path"}));
    ASSERT_NE(read.criu("4:5:6"), nullptr);
    EXPECT_EQ(read.criu("4:5:6")->version, 40201U);
    EXPECT_EQ(read.criu("4:5:6")->network_lock, "nftables");
    EXPECT_EQ(read.criu("4:5:6")->dump_failure, "it failed");
    EXPECT_EQ(read.criu("4:5:6")->check_failure, "");
    EXPECT_EQ(read.criu("4:5:6")->has("get_rseq_conf"), false);
    EXPECT_EQ(read.criu("4:5:6")->has("memfd_hugetlb"), true);
    EXPECT_EQ(criu::CriuFacts{}.has("memfd_hugetlb"), std::nullopt);
    EXPECT_EQ(read.criu("4:5:6")->selinux, true);
    EXPECT_EQ(read.criu("4:5:7"), nullptr);
    EXPECT_EQ(read.criu(""), nullptr);
    EXPECT_TRUE(criu::read_tooling(dir.path("probe.json"), "other boot").crius.empty());
    dir.write("probe.json", "{");
    EXPECT_TRUE(criu::read_tooling(dir.path("probe.json"), "b").crius.empty());
}

TEST(Tooling, reads_versions) {
    EXPECT_EQ(criu::parse_criu_version("Version: 4.1.1\nGitID: v4.1.1\n"), 40101U);
    EXPECT_EQ(criu::parse_criu_version("Version: 3.16\n"), 31600U);
    EXPECT_EQ(criu::parse_criu_version("nothing"), 0U);
    EXPECT_EQ(criu::version_text(40101), "4.1.1");
    EXPECT_EQ(criu::version_text(31600), "3.16");
}
