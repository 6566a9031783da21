// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/additions.hpp"

#include "../support.hpp"

using namespace lpm;
using config::Tcp;

namespace {

class Additions : public testing::Test {
  protected:
    Additions() {
        runtime.kind = oci::RuntimeKind::runc;
        runtime.checkpoint_flags = {"tcp-established", "tcp-skip-in-flight", "link-remap", "file-locks"};
        runtime.restore_flags = {"tcp-established", "file-locks", "manage-cgroups-mode"};
        runtime.ignores_cgroups = true;
    }
    void give(oci::Option option) { invocation.set[static_cast<std::size_t>(option)] = true; }
    // All of them, words as on a command line.
    static std::vector<std::string> told(const criu::Additions& additions) {
        std::vector<std::string> all;
        for (const auto& word : additions.words)
            all.push_back(criu::word_of(word));
        for (const auto& line : additions.lines)
            all.push_back(criu::line_of(line));
        return all;
    }
    std::vector<std::string> checkpoint() { return told(criu::for_checkpoint(options, invocation, runtime)); }
    std::vector<std::string> restore() {
        return told(criu::for_restore(options, invocation, runtime, dumped));
    }

    using Words = std::vector<std::string>;
    config::Options options;
    oci::Invocation invocation;
    oci::RuntimeFacts runtime;
    criu::Dumped dumped;
};

} // namespace

TEST_F(Additions, are_none_unless_somebody_wants_them) {
    EXPECT_EQ(checkpoint(), Words{});
    EXPECT_EQ(restore(), Words{});
}

TEST_F(Additions, go_by_flag_where_there_is_one) {
    options.tcp = Tcp::established;
    options.skip_in_flight = options.link_remap = true;
    options.ghost_limit = "512M";
    EXPECT_EQ(checkpoint(), (Words{"--tcp-established=true", "--tcp-skip-in-flight=true", "--link-remap=true",
                                   "ghost-limit 512M"}));
    runtime.checkpoint_flags = {"tcp-established"};
    EXPECT_EQ(checkpoint(),
              (Words{"--tcp-established=true", "skip-in-flight", "link-remap", "ghost-limit 512M"}));
}

TEST_F(Additions, make_no_dump_that_nobody_can_restore) {
    options.link_remap = true;
    give(oci::Option::leave_running);
    EXPECT_EQ(checkpoint(), Words{});
}

TEST_F(Additions, do_not_repeat_what_the_caller_has_said) {
    options.tcp = Tcp::close;
    options.skip_in_flight = options.link_remap = true;
    for (const auto given : {oci::Option::tcp_established, oci::Option::tcp_skip_in_flight,
                             oci::Option::link_remap, oci::Option::file_locks})
        give(given);
    EXPECT_EQ(checkpoint(), Words{});
    dumped.tcp_established = dumped.file_locks = true;
    EXPECT_EQ(restore(), Words{});
}

TEST_F(Additions, at_restore_follow_the_dump) {
    dumped.allow_uprobes = true;
    EXPECT_EQ(restore(), Words{"allow-uprobes"});
    dumped.allow_uprobes = false;
    options.tcp = Tcp::established;
    dumped.tcp_close = true;
    EXPECT_EQ(restore(), Words{"tcp-close"});
    dumped = {.tcp_close = false, .tcp_established = true, .file_locks = true};
    EXPECT_EQ(restore(), (Words{"--tcp-established=true", "--file-locks=true"}));
    options.file_locks = false;
    EXPECT_EQ(restore(), Words{"--tcp-established=true"});
}

TEST_F(Additions, leave_the_cgroup_to_a_runtime_that_can) {
    options.own_cgroup = true;
    EXPECT_EQ(restore(), Words{"--manage-cgroups-mode=ignore"});
    invocation.values[static_cast<std::size_t>(oci::Option::manage_cgroups_mode)] = "soft";
    EXPECT_EQ(restore(), Words{});
    invocation = {};
    runtime.ignores_cgroups = false;
    EXPECT_EQ(restore(), Words{});
}

TEST_F(Additions, are_not_for_a_runtime_that_we_do_not_know) {
    options.tcp = Tcp::close;
    dumped.file_locks = true;
    runtime.kind = oci::RuntimeKind::crun;
    EXPECT_EQ(checkpoint(), Words{});
    EXPECT_EQ(restore(), Words{});
}

TEST_F(Additions, count_like_what_the_caller_gives) {
    options.tcp = Tcp::established;
    options.ghost_limit = "9M";
    options.skip_in_flight = true;
    const TempDir dir;
    dir.write("env.conf", "ghost-limit 2M\n");
    dir.write("runc.conf", "");
    const criu::Sources sources{{}, dir.path("env.conf"), dir.path("runc.conf")};
    auto effective = criu::EffectiveOptions::read(sources, invocation);
    effective.add(criu::for_checkpoint(options, invocation, runtime));
    EXPECT_TRUE(effective.on("tcp-established"));
    EXPECT_TRUE(effective.on("skip-in-flight"));
    EXPECT_EQ(effective.find("ghost-limit")->value, "9M") << "ours comes after the caller's file";
    dir.write("runc.conf", "tcp-established no\nghost-limit 1M\n");
    auto overruled = criu::EffectiveOptions::read(sources, invocation);
    overruled.add(criu::for_checkpoint(options, invocation, runtime));
    EXPECT_FALSE(overruled.on("tcp-established")) << "the runtime's file has the last word";
    EXPECT_EQ(overruled.find("ghost-limit")->value, "1M");
}
