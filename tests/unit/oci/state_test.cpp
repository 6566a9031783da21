// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/state.hpp"

#include <algorithm>
#include <filesystem>
#include <unistd.h>

#include "../support.hpp"
#include "linux/procfs.hpp"

using namespace lpm;

TEST(State, reads_runc) {
    const auto state = oci::parse_runc_state(data("oci/state.json"));
    ASSERT_TRUE(state) << state.error().text;
    EXPECT_GT(state->init, 0);
    EXPECT_GT(state->init_start, 0U);
    EXPECT_EQ(state->bundle, "/var/lib/containers/b");
    EXPECT_EQ(state->freezer, "/sys/fs/cgroup/freezer/c1");
    EXPECT_FALSE(state->unified);
}

TEST(State, reads_crun) {
    const auto state = oci::parse_crun_status(data("oci/crun-status.json"));
    ASSERT_TRUE(state) << state.error().text;
    EXPECT_EQ(state->init, 210);
    EXPECT_EQ(state->bundle, "/var/lib/containers/b");
    EXPECT_TRUE(state->freezer.ends_with("/c2")) << state->freezer;
}

TEST(State, takes_the_bundle_that_runc_added) {
    const auto state = oci::parse_runc_state(
        R"({"config":{"labels":["bundle=/planted","a=b","bundle=/real"]},"cgroup_paths":{"":"/sys/fs/cgroup/x"}})");
    ASSERT_TRUE(state);
    EXPECT_EQ(state->bundle, "/real");
    EXPECT_TRUE(state->unified);
}

TEST(State, bears_wrong_types) {
    const auto state =
        oci::parse_runc_state(R"({"init_process_pid":"x","init_process_start":-1,"cgroup_paths":[1]})");
    ASSERT_TRUE(state);
    EXPECT_EQ(state->init, 0);
    EXPECT_FALSE(oci::alive(*state));
    EXPECT_EQ(oci::parse_runc_state(R"({"init_process_pid":4294967297})").value().init, 0);
    EXPECT_FALSE(oci::parse_runc_state("7"));
}

TEST(State, tells_a_reused_pid) {
    oci::State state;
    state.init = ::getpid();
    state.init_start = lpm::procfs::read_stat(::getpid()).value().start;
    EXPECT_TRUE(oci::alive(state));
    ++state.init_start;
    EXPECT_FALSE(oci::alive(state));
}

TEST(State, reads_the_freezer_of_both_cgroup_versions) {
    const TempDir dir;
    oci::State state;
    state.freezer = dir.path();
    dir.write("freezer.state", "FREEZING\n");
    EXPECT_TRUE(oci::frozen(state));
    dir.write("freezer.state", "THAWED\n");
    EXPECT_FALSE(oci::frozen(state));
    state.unified = true;
    dir.write("cgroup.events", "populated 1\nfrozen 0\n");
    dir.write("cgroup.freeze", "1\n");
    EXPECT_TRUE(oci::frozen(state)) << "on the way";
    dir.write("cgroup.freeze", "0\n");
    EXPECT_FALSE(oci::frozen(state));
}

TEST(State, finds_processes_of_nested_cgroups) {
    const TempDir dir;
    dir.write("cgroup.procs", "10\n11\n0\n");
    dir.write("inner/deeper/cgroup.procs", "12\n");
    dir.write("inner/cgroup.procs", "");
    oci::State state;
    state.freezer = dir.path();
    const Deadline deadline(std::chrono::seconds(10));
    EXPECT_EQ(oci::read_pids(state, 10, deadline).value(), (std::vector<pid_t>{10, 11, 12}));
    EXPECT_EQ(oci::read_pids(state, 2, deadline).value().size(), 2U);
}

TEST(State, does_not_take_a_part_of_the_processes_for_all) {
    const TempDir dir;
    dir.write("cgroup.procs", "10\n");
    dir.write("inner/cgroup.procs", "11\n");
    oci::State state;
    state.freezer = dir.path();
    EXPECT_FALSE(oci::read_pids(state, 10, Deadline(std::chrono::seconds(0)))) << "no time";
    const Deadline deadline(std::chrono::seconds(10));
    std::filesystem::create_directories(dir.path() + "/inner/cannot/cgroup.procs");
    EXPECT_FALSE(oci::read_pids(state, 10, deadline)) << "what cannot be read";
    std::filesystem::remove_all(dir.path() + "/inner/cannot");
    std::filesystem::create_directories(dir.path() + "/inner/removed");
    EXPECT_EQ(oci::read_pids(state, 10, deadline).value(), (std::vector<pid_t>{10, 11})) << "gone meanwhile";
    std::string deep;
    for (int depth = 0; depth < 40; ++depth)
        dir.write((deep += "d/") + "cgroup.procs", "");
    EXPECT_FALSE(oci::read_pids(state, 10, deadline)) << "deeper than is read";
}

TEST(State, knows_a_container_that_waits_for_start) {
    const TempDir dir;
    dir.write("c1/state.json", R"({"init_process_pid":1})");
    EXPECT_FALSE(oci::read_state(dir.path(), "c1").value().waits_for_start);
    dir.write("c1/exec.fifo", "");
    EXPECT_TRUE(oci::read_state(dir.path(), "c1").value().waits_for_start);
    EXPECT_EQ(oci::read_state(dir.path(), "c2").error().code, Errc::absent);
}

TEST(State, lists_the_first_processes_of_all_containers) {
    const TempDir dir;
    EXPECT_EQ(oci::read_inits(dir.path("nothing")).value().size(), 0U);
    dir.write("a/state.json", R"({"init_process_pid":12})");
    dir.write("b/status", R"({"pid":13})");
    dir.write("half-made/other", "");
    dir.write("file", "");
    auto inits = oci::read_inits(dir.path()).value();
    std::ranges::sort(inits);
    EXPECT_EQ(inits, (std::vector<pid_t>{12, 13}));
    dir.write("c/state.json", "{ broken");
    EXPECT_FALSE(oci::read_inits(dir.path())) << "its process may be any";
}
