// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/settings.hpp"

#include "../support.hpp"

using namespace lpm;
using config::Severity;

TEST(Settings, reads_its_keys) {
    const auto settings = config::parse(
        "[gate]\ndeadline_ms = 250\nkubelet_dir = \"/k\"\n[checks]\nA = \"off\"\nB = \"warn\"\n", "f");
    EXPECT_TRUE(settings.problems.empty());
    EXPECT_EQ(settings.deadline.count(), 250);
    EXPECT_EQ(settings.kubelet_dir, "/k");
    EXPECT_EQ(settings.severity_of("A"), Severity::off);
    EXPECT_EQ(settings.severity_of("B"), Severity::warn);
    EXPECT_FALSE(settings.severity_of("C"));
    EXPECT_TRUE(config::parse("# K\xc3\xb6ln\n[gate]\ndeadline_ms = 1 # \xff\n", "f").problems.empty());
    EXPECT_EQ(config::parse("[gate]\nkubelet_dir = \"/K\xc3\xb6ln\"\n", "f").problems.size(), 1U);
}

TEST(Settings, keeps_every_archive_unless_told_otherwise) {
    EXPECT_EQ(config::parse("[archives]\nkeep = 3\n", "f").keep_archives, 3U);
    for (const char* text :
         {"", "[archives]\nkeep = 0\n", "[archives]\nkeep = -1\n", "[archives]\nkeep = \"3\"\n",
          "[archives]\nkeep = 10001\n", "[archives]\nkeep = 3\n[gate\n"})
        EXPECT_EQ(config::parse(text, "f").keep_archives, 0U) << text;
}

TEST(Settings, says_where_and_goes_on) {
    const auto settings = config::parse(
        "x = 1\n[gate]\ndeadline_ms = 0\nsped = 1\n[checks]\nA = 1\nB = \"block\"\n", "lpm.toml");
    EXPECT_EQ(settings.problems,
              (std::vector<std::string>{
                  "lpm.toml:6: checks.A: must be \"block\", \"warn\" or \"off\"; ignored",
                  "lpm.toml:3: gate.deadline_ms: must be a whole number from 1 to 10000; ignored",
                  "lpm.toml:4: gate.sped: unknown key; ignored",
                  "lpm.toml:1: x: unknown key; ignored",
              }));
    EXPECT_EQ(settings.deadline.count(), 1000);
    EXPECT_EQ(settings.severity_of("B"), Severity::block);
}

TEST(Settings, reads_options) {
    const auto settings =
        config::parse("[options]\ntcp = \"close\"\nghost_limit = \"512M\"\nlink_remap = true\n"
                      "file_locks = false\n[annotations]\noptions = [\"tcp\"]\n",
                      "f");
    EXPECT_TRUE(settings.problems.empty());
    EXPECT_EQ(settings.options.tcp, config::Tcp::close);
    EXPECT_EQ(settings.options.ghost_limit, "512M");
    EXPECT_TRUE(settings.options.link_remap);
    EXPECT_FALSE(settings.options.file_locks);
    EXPECT_FALSE(settings.options.own_cgroup);
    EXPECT_TRUE(settings.may_set("tcp"));
    EXPECT_FALSE(settings.may_set("ghost_limit"));
}

TEST(Settings, takes_only_values_that_suit_an_option) {
    config::Options options;
    for (const char* limit : {"", "M", "12X", "1M\ntcp-close", "12MM", "-1", "99999999999999999", "1 M"})
        EXPECT_FALSE(options.set("ghost_limit", limit)) << limit;
    for (const char* limit : {"0", "4096", "10K", "2G"})
        EXPECT_TRUE(options.set("ghost_limit", limit)) << limit;
    EXPECT_FALSE(options.set("tcp", "Close"));
    EXPECT_FALSE(options.set("link_remap", "yes"));
    EXPECT_FALSE(options.set("network", "x"));
    EXPECT_EQ(config::parse("[options]\ntcp = true\nx = \"y\"\nlink_remap = 1\n", "f").problems.size(), 3U);
}

TEST(Settings, reads_what_stays_of_the_records) {
    const auto settings = config::parse(
        "[retention]\nmax_records = 5\nmax_days = 7\nmax_log_mib = 2\nmax_journal_mib = 3\n", "f");
    EXPECT_TRUE(settings.problems.empty());
    EXPECT_EQ(settings.retention.max_records, 5U);
    EXPECT_EQ(settings.retention.max_days, 7U);
    EXPECT_EQ(settings.retention.max_log_bytes, 2U << 20);
    EXPECT_EQ(settings.retention.max_journal_bytes, 3U << 20);
    const auto wrong =
        config::parse("[retention]\nmax_records = 0\nmax_days = -1\nmax_log_mib = \"1G\"\n", "f");
    EXPECT_EQ(wrong.problems.size(), 3U);
    EXPECT_EQ(wrong.retention.max_records, 10'000U);
}

TEST(Settings, falls_back_to_defaults) {
    const auto broken = config::parse("[gate\ndeadline_ms = 5", "f");
    ASSERT_EQ(broken.problems.size(), 1U);
    EXPECT_NE(broken.problems[0].find("f:1: "), std::string::npos) << broken.problems[0];
    EXPECT_EQ(broken.deadline.count(), 1000);
    const TempDir dir;
    EXPECT_TRUE(config::read(dir.path("none")).problems.empty());
    EXPECT_EQ(config::read(dir.path()).problems.size(), 1U) << "a directory in its place is worth a word";
}

TEST(Settings, leave_tables_of_other_programs_alone) {
    const auto settings = config::parse("[sidecar]\nlisten = 1\n[gate]\ndeadline_ms = 5\n", "f");
    EXPECT_TRUE(settings.problems.empty());
    EXPECT_TRUE(settings.retention_known);
}

TEST(Settings, know_whether_retention_is_what_was_meant) {
    EXPECT_TRUE(config::parse("[gate]\nsped = 1\n", "f").retention_known);
    EXPECT_TRUE(config::parse("[retention]\nmax_days = 5\n", "f").retention_known);
    EXPECT_FALSE(config::parse("[retention]\nmax_dais = 5\n", "f").retention_known);
    EXPECT_FALSE(config::parse("[retention]\nmax_days = \"x\"\n", "f").retention_known);
    EXPECT_FALSE(config::parse("[reten", "f").retention_known);
    EXPECT_FALSE(config::read("/proc/self").retention_known) << "no file";
    EXPECT_TRUE(config::read("/nonexistent/file").retention_known);
    EXPECT_FALSE(config::parse("retention = 5\n", "f").retention_known) << "no table";
}

TEST(Settings, know_whether_a_signature_is_wanted) {
    const auto good = config::parse("[restore]\nat_create = true\nsigned_by = [\"/k\"]\n", "f");
    EXPECT_EQ(good.signed_by, std::vector<std::string>{"/k"});
    EXPECT_EQ(good.restore_unread, "");
    for (const auto* text : {"signed_by = [\"/k\"]\n[restore]\nat_create = true\n",
                             "[restore]\nat_create = true\n[archives]\nsigned_by = [\"/k\"]\n",
                             "[restore]\nat_create = true\n[restores]\nsigned_by = [\"/k\"]\n",
                             "[restore]\nat_create = true\nsigned_by = \"/k\"\n",
                             "[restore]\nat_create = true\nsigned_by = [\"k\"]\n"})
        EXPECT_NE(config::parse(text, "f").restore_unread, "") << text;
}

TEST(Settings, know_whether_archives_are_what_was_meant) {
    for (const auto* text : {"", "[gate]\nsped = 1\n", "[archives]\nfolders = [\"/a\"]\n"})
        EXPECT_EQ(config::parse(text, "f").archives_unread, "") << text;
    for (const auto* text :
         {"[archives]\nfolder = [\"/a\"]\n", "[archives]\nfolders = \"/a\"\n", "archives = 1\n", "[arch"})
        EXPECT_NE(config::parse(text, "f").archives_unread.find("f:"), std::string::npos) << text;
    EXPECT_NE(config::read("/proc/self").archives_unread, "") << "no file";
    EXPECT_EQ(config::read("/nonexistent/file").archives_unread, "");
}
