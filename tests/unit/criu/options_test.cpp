// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/options.hpp"

#include "../support.hpp"

using namespace lpm;

TEST(CriuOptions, reads_a_file_as_criu_does) {
    const auto settings = criu::parse_config(
        "# comment\n tcp-close # why\nnetwork-lock skip\nghost-limit=\"5M\"\n\nno-tcp-close\n", "f");
    ASSERT_EQ(settings.size(), 4U);
    EXPECT_EQ(settings[3].name, "tcp-close");
    EXPECT_EQ(settings[3].value, "false");
    EXPECT_EQ(settings[0].name, "tcp-close");
    EXPECT_EQ(settings[0].value, "");
    EXPECT_EQ(settings[1].value, "skip");
    EXPECT_EQ(settings[2].name, "ghost-limit");
    EXPECT_EQ(settings[2].value, "5M");
}

TEST(CriuOptions, remembers_what_stands_where) {
    const auto settings = criu::parse_config("# comment\n\ntcp-close\n no-link-remap # why\n", "f");
    ASSERT_EQ(settings.size(), 2U);
    EXPECT_EQ(settings[0].line, 3U);
    EXPECT_EQ(settings[1].line, 4U);
    EXPECT_EQ(settings[1].written, "no-link-remap");
}

TEST(CriuOptions, are_named_by_their_beginning) {
    const auto settings = criu::parse_config("tcp-est\nno-link\nghost-l 5M\ntcp-", "f");
    ASSERT_EQ(settings.size(), 4U);
    EXPECT_EQ(settings[0].name, "tcp-established");
    EXPECT_EQ(settings[1].name, "link-remap");
    EXPECT_EQ(settings[1].value, "false");
    EXPECT_EQ(settings[2].name, "ghost-limit");
    EXPECT_EQ(settings[2].value, "5M");
    EXPECT_EQ(settings[3].name, "tcp-") << "of two";
    EXPECT_EQ(criu::knows_option("tcp-", 40101), std::nullopt);
    EXPECT_EQ(criu::knows_option("no-d", 40101), std::nullopt) << "no-daemon, no-default-config and others";
}

TEST(CriuOptions, knows_their_names) {
    for (const char* name : {"tcp-close", "no-tcp-close", "tcp-clos", "no-default-config", "ghost-limit",
                             "images-dir", "ext-unix-sk", "no-ghost-fiemap", "h"})
        for (const std::uint32_t version : {0U, 31600U, 40101U, 40201U, 50000U})
            EXPECT_EQ(criu::knows_option(name, version), true) << name;
    for (const char* name : {"no-such-thing", "tcp_close", "no-ghost-limit", "no-no-tcp-close",
                             "no-leave-running", "--tcp-close", "tcp-closed"}) {
        EXPECT_EQ(criu::knows_option(name, 40101), false) << name;
        EXPECT_EQ(criu::knows_option(name, 40300), std::nullopt) << name << ": that may be new";
        EXPECT_EQ(criu::knows_option(name, 0), std::nullopt) << name;
    }
    EXPECT_EQ(criu::knows_option("\"tcp-close\"", 40101), std::nullopt);
    for (const char* name : {"allow-uprobes", "no-allow-uprobes"}) {
        EXPECT_EQ(criu::knows_option(name, 40101), false) << name;
        EXPECT_EQ(criu::knows_option(name, 40200), true) << name;
        EXPECT_EQ(criu::knows_option(name, 0), std::nullopt) << name;
    }
}

static bool takes(const char* line) {
    return criu::takes_value(criu::parse_config(line, "f").at(0));
}

TEST(CriuOptions, have_values_that_criu_takes) {
    for (const char* line : {"network-lock skip", "network-lock=nftables", "network-lock nftables foo",
                             "file-validation buildid", "ghost-limit junk", "network-lock \"a\"b",
                             "tcp-close", "tcp-close yes", "manage-cgroups=ignore"})
        EXPECT_TRUE(takes(line)) << line;
    for (const char* line : {"network-lock nft", "network-lock", "network-lock iptables#x", "empty-ns pid",
                             "pre-dump-mode write", "tcp-established=true", "no-link-remap=1"})
        EXPECT_FALSE(takes(line)) << line;
}

TEST(CriuOptions, puts_the_sources_in_their_order) {
    const TempDir dir;
    dir.write("home/.criu/default.conf", "network-lock nftables\nghost-limit 1M\ntcp-established\n");
    dir.write("env.conf", "network-lock skip\ntcp-established\n");
    dir.write("runc.conf", "ghost-limit 9M\nfile-locks\n");
    oci::Invocation invocation;
    const criu::Sources sources{dir.path("home"), dir.path("env.conf"), dir.path("runc.conf")};
    const auto options = criu::EffectiveOptions::read(sources, invocation);
    EXPECT_EQ(options.find("network-lock")->value, "skip");
    EXPECT_EQ(options.find("network-lock")->source, dir.path("env.conf"));
    EXPECT_EQ(options.find("ghost-limit")->value, "9M");
    EXPECT_EQ(options.find("tcp-established")->value, "false")
        << "runc sends it, so the files before do not count";
    EXPECT_EQ(options.find("file-locks")->source, dir.path("runc.conf")) << "this file counts more than argv";
    EXPECT_FALSE(options.find("irmap-scan-path"));
    dir.write("env.conf", "link-remap\nskip-in-flight\n");
    for (const char* name : {"link-remap", "skip-in-flight"}) {
        EXPECT_FALSE(criu::EffectiveOptions::read(sources, invocation).on(name)) << name;
        EXPECT_TRUE(
            criu::EffectiveOptions::read({{}, sources.config_file, {}, false, false}, invocation).on(name))
            << name << ": a runtime without the flag does not send it";
    }
}

TEST(CriuOptions, are_in_files_below_the_root_of_the_caller) {
    const TempDir dir;
    dir.write("home/.criu/default.conf", "ghost-limit 1M\n");
    dir.write("env.conf", "network-lock skip\n");
    dir.write("runc.conf", "file-locks\n");
    const auto options =
        criu::EffectiveOptions::read({"/home", "/env.conf", "/runc.conf", true, true, dir.path()}, {});
    EXPECT_EQ(options.find("ghost-limit")->value, "1M");
    EXPECT_EQ(options.find("network-lock")->source, "/env.conf") << "as the caller calls it";
    EXPECT_TRUE(options.on("file-locks"));
}

TEST(CriuOptions, limit_deleted_files_in_the_notation_of_criu) {
    const auto limit = [](const std::string& value) {
        criu::EffectiveOptions options;
        options.add({{}, {{"ghost-limit", value, "f"}}});
        return criu::ghost_limit(options);
    };
    constexpr std::uint64_t standard = std::uint64_t{1} << 20;
    EXPECT_EQ(criu::ghost_limit({}), standard);
    EXPECT_EQ(limit("4096"), 4096U);
    EXPECT_EQ(limit("3K"), 3072U);
    EXPECT_EQ(limit("512M"), std::uint64_t{512} << 20);
    EXPECT_EQ(limit("2G"), std::uint64_t{2} << 30);
    EXPECT_EQ(limit("8MiB"), std::uint64_t{8} << 20);
    EXPECT_EQ(limit("2KM"), 2048U) << "the K counts";
    EXPECT_EQ(limit(""), standard);
    for (const char* none : {"G", "x", "0"})
        EXPECT_EQ(limit(none), 0U) << none;
    EXPECT_EQ(limit("-1"), UINT64_MAX);
}

TEST(CriuOptions, take_a_flag_that_only_crun_has) {
    oci::Invocation invocation;
    EXPECT_FALSE(criu::EffectiveOptions::read({}, invocation).find("tcp-close"));
    invocation.set[static_cast<std::size_t>(oci::Option::tcp_close)] = true;
    const auto options = criu::EffectiveOptions::read({}, invocation);
    EXPECT_TRUE(options.on("tcp-close"));
    EXPECT_EQ(options.find("tcp-close")->source, "argv");
}
