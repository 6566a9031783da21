// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "../support.hpp"
#include "checks.hpp"

#include <set>

using namespace lpm;
using inspect::Stage;

TEST_F(Checks, pass_an_ordinary_container_at_both_stages) {
    for (const auto stage : {Stage::checkpoint, Stage::restore}) {
        facts.subject.stage = stage;
        outcome = check::run(facts, settings, deadline);
        EXPECT_EQ(outcome.code, "");
        EXPECT_FALSE(outcome.findings.empty());
        for (const auto& finding : outcome.findings)
            EXPECT_EQ(finding.verdict.text(), "pass") << finding.check << ": " << finding.message;
    }
}

TEST_F(Checks, have_unique_ids_and_remedies) {
    std::set<std::string_view> ids;
    for (const auto& entry : check::table()) {
        EXPECT_TRUE(ids.insert(entry.id).second) << entry.id;
        EXPECT_FALSE(entry.remedy.empty()) << entry.id;
        EXPECT_TRUE(entry.at_checkpoint || entry.at_restore) << entry.id;
    }
}

TEST_F(Checks, never_block_on_what_is_not_known) {
    inspect::Facts blind;
    blind.tools.criu_path = "/usr/sbin/criu";
    for (const auto stage : {Stage::checkpoint, Stage::restore}) {
        blind.subject.stage = stage;
        EXPECT_EQ(check::run(blind, settings, deadline).code, "");
    }
}

TEST_F(Checks, say_unknown_of_a_caller_whose_environment_cannot_be_read) {
    facts.caller.environment.reset();
    facts.tools.criu_path.clear();
    facts.tools.has_iptables = false;
    facts.tools.missing_tar = "tar";
    facts.bundle->has_tmpfs = true;
    (*facts.container.workload)[inspect::Item::tcp_connected].add({12, "redis-server"});
    for (const char* id : {"ToolingMissing", "NetworkLockTool", "TarMissing", "TcpEstablished"})
        EXPECT_EQ(verdict(id), "unknown") << id;
    EXPECT_EQ(outcome.code, "");
}

TEST_F(Checks, say_unknown_after_the_deadline) {
    deadline = Deadline(std::chrono::milliseconds(0));
    facts.container.alive = false;
    EXPECT_EQ(verdict("ContainerState"), "unknown");
    EXPECT_EQ(outcome.code, "");
}

TEST_F(Checks, obey_the_severity_in_the_settings) {
    facts.container.alive = false;
    EXPECT_EQ(verdict("ContainerState"), "block");
    EXPECT_EQ(outcome.code, "ContainerState");
    settings.severities = {{"ContainerState", config::Severity::warn}};
    EXPECT_EQ(verdict("ContainerState"), "warn");
    EXPECT_EQ(outcome.code, "");
    settings.severities = {{"ContainerState", config::Severity::off}};
    EXPECT_EQ(verdict("ContainerState"), "not run");
    settings.severities = {{"ContainrState", config::Severity::off}};
    EXPECT_EQ(check::unknown_ids(settings).size(), 1U);
}

TEST_F(Checks, ids_that_were_renamed_are_read) {
    facts.bundle->pod_identity = {"POD_IP"};
    EXPECT_EQ(verdict("PodIdentityInEnv"), "warn");
    settings.severities = {{"Whereabouts", config::Severity::off}};
    EXPECT_EQ(verdict("PodIdentityInEnv"), "not run");
    EXPECT_EQ(check::unknown_ids(settings),
              std::vector<std::string>{"checks.Whereabouts: is called PodIdentityInEnv now"});
    settings.severities.emplace_back("PodIdentityInEnv", config::Severity::block);
    EXPECT_EQ(verdict("PodIdentityInEnv"), "warn") << "the new id counts where both are set";
}

TEST_F(Checks, ContainerState) {
    facts.container.state->waits_for_start = true;
    EXPECT_EQ(verdict("ContainerState"), "block");
    facts.container.state->init = 0;
    facts.container.alive = false;
    EXPECT_EQ(verdict("ContainerState"), "unknown") << "a state file of a runtime that we do not know";
    facts.container.state.reset();
    EXPECT_EQ(verdict("ContainerState"), "unknown") << "the runtime says it in its own words";
}

TEST_F(Checks, ToolingMissing) {
    facts.tools.criu->version = 31500;
    EXPECT_EQ(verdict("ToolingMissing"), "block");
    facts.tools.criu->version = 31600;
    EXPECT_EQ(verdict("ToolingMissing"), "pass");
    facts.tools.criu.reset();
    EXPECT_EQ(verdict("ToolingMissing"), "unknown");
    facts.tools.criu_path.clear();
    EXPECT_EQ(verdict("ToolingMissing"), "block");
    facts.tools.criu_by_flag = true;
    EXPECT_EQ(verdict("ToolingMissing"), "unknown");
    facts.tools.runtime = oci::RuntimeFacts{};
    facts.tools.runtime->criu = false;
    EXPECT_EQ(verdict("ToolingMissing"), "block");
}

TEST_F(Checks, Terminal) {
    facts.bundle->terminal = true;
    EXPECT_EQ(verdict("Terminal"), "warn");
    facts.subject.stage = Stage::restore;
    EXPECT_EQ(verdict("Terminal"), "pass") << "in the foreground runc has a terminal to hand on";
    facts.call.detach = true;
    EXPECT_EQ(verdict("Terminal"), "block");
    facts.call.console_socket = true;
    EXPECT_EQ(verdict("Terminal"), "pass");
}

TEST_F(Checks, StdioOutsideMounts) {
    facts.container.stdio = {{0, "/dev/null", true}, {1, "/var/log/x", false}};
    EXPECT_EQ(verdict("StdioOutsideMounts"), "block");
    EXPECT_NE(outcome.message.find("standard output is the file /var/log/x"), std::string::npos)
        << outcome.message;
    facts.container.stdio.reset();
    EXPECT_EQ(verdict("StdioOutsideMounts"), "unknown");
}

TEST_F(Checks, NetworkLockTool) {
    facts.tools.has_ip6tables = false;
    EXPECT_EQ(verdict("NetworkLockTool"), "block");
    facts.host.has_ipv6 = false;
    EXPECT_EQ(verdict("NetworkLockTool"), "pass");
    facts.tools.criu->lock_failure = "exit status 1: no such table";
    EXPECT_EQ(verdict("NetworkLockTool"), "warn") << "it is there, and did not work";
    facts.tools.criu->network_lock = "nftables";
    EXPECT_EQ(verdict("NetworkLockTool"), "pass") << "CRIU does not use it";
    facts.tools.criu->network_lock = "iptables";
    facts.tools.criu->lock_failure = "";
    EXPECT_EQ(verdict("NetworkLockTool"), "pass");
    facts.tools.has_iptables = false;
    EXPECT_EQ(verdict("NetworkLockTool"), "block");
    facts.tools.criu->network_lock = "nftables";
    EXPECT_EQ(verdict("NetworkLockTool"), "covered");
    facts.tools.criu->network_lock.reset();
    EXPECT_EQ(verdict("NetworkLockTool"), "unknown");
    facts.bundle->network_namespace = false;
    EXPECT_EQ(verdict("NetworkLockTool"), "pass") << "the host's network is not locked";
}

TEST_F(Checks, NetworkLockTool_knows_a_criu_that_crashes) {
    const TempDir dir;
    dir.write("runc.conf", "network-lock nftables\n");
    facts.tools.runtime_config = dir.path("runc.conf");
    criu::Sources sources;
    sources.runtime_config = dir.path("runc.conf");
    facts.options = criu::EffectiveOptions::read(sources, {});
    EXPECT_EQ(verdict("NetworkLockTool"), "pass");
    facts.tools.criu->crashes_on_lock = true;
    EXPECT_EQ(verdict("NetworkLockTool"), "block");
    EXPECT_NE(outcome.message.find("default.conf"), std::string::npos) << outcome.message;
    std::swap(sources.runtime_config, sources.config_file);
    facts.tools.runtime_config = "/etc/criu/runc.conf";
    facts.options = criu::EffectiveOptions::read(sources, {});
    EXPECT_EQ(verdict("NetworkLockTool"), "pass") << "it reads any other file well";
}

TEST_F(Checks, NetworkLockTool_at_restore_uses_what_the_dump_used) {
    facts.subject.stage = Stage::restore;
    facts.tools.has_iptables = false;
    facts.images.inventory->network_lock_method = 2;
    EXPECT_EQ(verdict("NetworkLockTool"), "covered");
    facts.images.inventory->network_lock_method = 0;
    EXPECT_EQ(verdict("NetworkLockTool"), "block");
}

TEST_F(Checks, DiskSpace) {
    facts.container.workload->memory = inspect::MemoryUse{2 << 20, 0};
    EXPECT_EQ(verdict("DiskSpace"), "block");
    EXPECT_NE(outcome.message.find("needs 2.0 MiB"), std::string::npos) << outcome.message;
    facts.call.incremental = true;
    EXPECT_EQ(verdict("DiskSpace"), "warn") << "on top of a parent only changed pages are written";
    facts.call.page_server = true;
    EXPECT_EQ(verdict("DiskSpace"), "covered");
    facts.call = {};
    facts.container.workload->memory = inspect::MemoryUse{1000, 2 << 20};
    EXPECT_EQ(verdict("DiskSpace"), "warn") << "shared memory is an upper bound";
    facts.container.workload->memory = inspect::MemoryUse{600 << 10, 0};
    facts.host.kubelet_space = inspect::Space{"/k", 1 << 20, 1000, 1};
    EXPECT_EQ(verdict("DiskSpace"), "warn") << "images and archive on one file system";
    facts.bundle->crio = true;
    EXPECT_EQ(verdict("DiskSpace"), "block") << "the archive surely does not fit beside them";
    facts.container.workload->memory = inspect::MemoryUse{400 << 10, 200 << 10};
    EXPECT_EQ(verdict("DiskSpace"), "warn") << "with what is shared it may not";
    facts.host.kubelet_space->device = 2;
    EXPECT_EQ(verdict("DiskSpace"), "pass");
    facts.host.image_space->free_inodes = 3;
    EXPECT_EQ(verdict("DiskSpace"), "block");
    facts.container.workload->memory.reset();
    EXPECT_EQ(verdict("DiskSpace"), "unknown");
}

TEST_F(Checks, name_a_remedy_that_helps) {
    (*facts.container.workload)[inspect::Item::tcp_connected].add({12, "redis-server"});
    (*facts.container.workload)[inspect::Item::inet].add({12, "redis-server"});
    EXPECT_EQ(verdict("TcpEstablished"), "block");
    EXPECT_EQ(outcome.code, "TcpEstablished");
    EXPECT_TRUE(outcome.transient);
    facts.tools.criu->version = 40101;
    facts.host.kernel = inspect::KernelVersion{6, 16};
    EXPECT_EQ(verdict("TcpEstablished"), "block");
    EXPECT_EQ(outcome.code, "TcpOnNewKernel") << "closing the connection would not help";
    EXPECT_FALSE(outcome.transient);
    EXPECT_TRUE(outcome.message.ends_with("; also in the way: TcpEstablished")) << outcome.message;
    facts.subject.checkpoint_in_progress = true;
    EXPECT_EQ(verdict("TcpOnNewKernel"), "block");
    EXPECT_EQ(outcome.code, "CheckpointRunning") << "the others may be found because of it";
    EXPECT_TRUE(outcome.transient);
}

TEST_F(Checks, ImageIncomplete_and_DescriptorsMissing) {
    facts.subject.stage = Stage::restore;
    facts.images.complete = fail(Errc::absent, "pstree.img is missing");
    EXPECT_EQ(verdict("ImageIncomplete"), "block");
    facts.images.complete = fail(Errc::io, "read error");
    EXPECT_EQ(verdict("ImageIncomplete"), "unknown");
    facts.images.complete = Result<>{};
    facts.images.descriptors = fail(Errc::absent, "descriptors.json is missing");
    EXPECT_EQ(verdict("DescriptorsMissing"), "block");
    facts.images.descriptors.reset();
    EXPECT_EQ(verdict("DescriptorsMissing"), "unknown");
}
