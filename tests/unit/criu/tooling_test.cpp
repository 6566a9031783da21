// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/tooling.hpp"

#include "../support.hpp"

using namespace lpm;

TEST(Tooling, survives_being_written_and_read) {
    criu::Tooling tooling;
    tooling.boot_id = "b";
    tooling.runtimes.push_back(
        {"/r", "1:2:3", oci::RuntimeKind::crun, "1.21", true, {"image-path"}, {"bundle"}, true, "libx.so.1"});
    tooling.crius.push_back(
        {"/c", "4:5:6", 40201, "nftables", "it failed", "", {{"get_rseq_conf"}}, true, false});
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
    EXPECT_EQ(read.criu("4:5:6")->crashes_on_lock, false);
    EXPECT_EQ(read.runtime("1:2:3")->missing_library, "libx.so.1");
    EXPECT_TRUE(read.runtime("1:2:3")->ignores_cgroups);
    EXPECT_EQ(read.criu("4:5:7"), nullptr);
    EXPECT_EQ(read.criu(""), nullptr);
    EXPECT_TRUE(criu::read_tooling(dir.path("probe.json"), "other boot").crius.empty());
    dir.write("probe.json", "{");
    EXPECT_TRUE(criu::read_tooling(dir.path("probe.json"), "b").crius.empty());
}

static criu::CriuFacts whole(const std::string& key) {
    return {.path = "/c",
            .key = key,
            .version = 40201,
            .network_lock = "nftables",
            .dump_failure = "",
            .check_failure = "",
            .missing = {{"get_rseq_conf"}},
            .selinux = true,
            .crashes_on_lock = true,
            .lock_failure = "no such table"};
}

TEST(Tooling, keeps_what_a_bad_try_could_not_tell) {
    const auto there = [](const std::string&, const std::string& key) { return key != "gone"; };
    criu::Tooling before;
    before.crius = {whole("same"), whole("other"), whole("gone")};
    for (const char* key : {"r", "gone"})
        before.runtimes.emplace_back().key = key;
    criu::Tooling fresh;
    fresh.crius.push_back({.path = "/c", .key = "same", .version = 40202});
    EXPECT_FALSE(fresh.crius.front().complete());
    const auto merged = criu::merge(fresh, before, there);
    const auto* same = merged.criu("same");
    ASSERT_NE(same, nullptr);
    EXPECT_TRUE(same->complete());
    EXPECT_EQ(same->version, 40202U) << "what it could tell counts";
    EXPECT_EQ(same->network_lock, "nftables");
    EXPECT_EQ(same->crashes_on_lock, true);
    EXPECT_EQ(same->lock_failure, "no such table");
    EXPECT_EQ(criu::parse_tooling(criu::write_tooling(merged)).value().criu(same->key)->lock_failure,
              "no such table");
    EXPECT_NE(merged.criu("other"), nullptr) << "asked for another PATH";
    EXPECT_EQ(merged.criu("gone"), nullptr);
    EXPECT_NE(merged.runtime("r"), nullptr) << "a runtime that could not be asked";
    EXPECT_EQ(merged.runtime("gone"), nullptr);
}

TEST(Tooling, believes_a_failure_that_is_one) {
    criu::Tooling before;
    before.crius = {whole("same")};
    criu::Tooling fresh;
    fresh.crius.push_back(
        {.path = "/c", .key = "same", .version = 40201, .dump_failure = "no", .check_failure = ""});
    fresh.crius.front().missing.emplace();
    EXPECT_TRUE(fresh.crius.front().complete()) << "where nothing is dumped, nothing else can be told";
    const auto merged = criu::merge(fresh, before, [](const auto&, const auto&) { return true; });
    EXPECT_EQ(merged.criu("same")->dump_failure, "no");
    EXPECT_FALSE(merged.criu("same")->network_lock);
    EXPECT_EQ(merged.criu("same")->missing, std::vector<std::string>{});
}

TEST(Tooling, reads_what_a_runtime_is) {
    struct Case {
        std::string_view output;
        oci::RuntimeKind kind;
        std::string_view version;
    };
    for (const auto& [output, kind, version] : {
             Case{"runc version 1.3.6\ncommit: v1\nspec: 1.2.1\n", oci::RuntimeKind::runc, "1.3.6"},
             Case{"crun version 1.21\ncommit: 1\n+CRIU\n", oci::RuntimeKind::crun, "1.21"},
             Case{"NVIDIA Container Runtime version 1.17.4\ncommit: 9\nspec: 1.2.0\n\nrunc version 1.1.12\n",
                  oci::RuntimeKind::runc, "1.1.12"},
             Case{"youki version 0.5.0\n", oci::RuntimeKind::unknown, ""},
             Case{"this is not runc version 1\nruncversion\nrunc\n", oci::RuntimeKind::unknown, ""},
             Case{"", oci::RuntimeKind::unknown, ""},
         }) {
        oci::RuntimeFacts facts;
        oci::parse_version(output, facts);
        EXPECT_EQ(facts.kind, kind) << output;
        EXPECT_EQ(facts.version, version) << output;
    }
}

TEST(Tooling, reads_versions) {
    EXPECT_EQ(criu::parse_criu_version("Version: 4.1.1\nGitID: v4.1.1\n"), 40101U);
    EXPECT_EQ(criu::parse_criu_version("Version: 3.16\n"), 31600U);
    EXPECT_EQ(criu::parse_criu_version("nothing"), 0U);
    EXPECT_EQ(criu::version_text(40101), "4.1.1");
    EXPECT_EQ(criu::version_text(31600), "3.16");
}
