// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <gtest/gtest.h>

#include "check/check.hpp"

namespace lpm {

// An ordinary container that passes every check, for tests to change one thing of.
class Checks : public testing::Test {
  protected:
    Checks() {
        facts.invocation = &invocation;
        facts.deadline = &deadline;
        facts.subject.image_path = "/i";
        facts.subject.search_path = "/usr/bin";
        facts.state = oci::State{};
        facts.state->init = 7;
        facts.alive = true;
        facts.bundle = oci::Bundle{};
        facts.bundle->network_namespace = true;
        facts.criu_path = "/usr/sbin/criu";
        facts.criu = criu::CriuFacts{"/usr/sbin/criu", "k", 40201, "iptables"};
        facts.criu->dump_failure = facts.criu->check_failure = "";
        facts.criu->missing.emplace();
        facts.criu->selinux = true;
        facts.runtime_config = "/etc/criu/runc.conf";
        facts.stdio.emplace();
        facts.memory = inspect::MemoryUse{1000, 0};
        facts.workload.emplace();
        facts.mounts = {{.id = 1, .device = 1, .root = "/", .point = "/", .type = "overlay"}};
        facts.ghost_limit = 1 << 20;
        facts.kernel = inspect::KernelVersion{6, 18};
        facts.capabilities = UINT64_MAX;
        facts.available_memory = std::uint64_t{1} << 40;
        facts.bundle->ipc_namespace = facts.bundle->own_ipc = facts.bundle->own_pid = true;
        facts.image_space = inspect::Space{"/i", 1 << 20, 1000, 1};
        facts.images = Result<>{};
        facts.descriptors = Result<>{};
        facts.target = inspect::Target{.manifest = record::CheckpointManifest{},
                                       .inventory = criu::InventoryEntry{},
                                       .mtype = criu::March::x86_64,
                                       .cpu = "sse2",
                                       .memory = 1000,
                                       .missing_files = std::vector<std::string>{},
                                       .changed_files = std::vector<std::string>{},
                                       .changed_modes = std::vector<std::string>{},
                                       .missing_addresses = std::vector<std::string>{},
                                       .missing_ends = std::vector<std::string>{},
                                       .taken_ports = std::vector<std::string>{},
                                       .missing_namespaces = std::vector<std::string>{},
                                       .missing_mounts = std::vector<std::string>{},
                                       .missing_sources = std::vector<std::string>{},
                                       .unlike_sources = std::vector<std::string>{},
                                       .taken_sockets = std::vector<std::string>{},
                                       .odd_images = std::vector<std::string>{},
                                       .open_images = std::vector<std::string>{},
                                       .connections = std::vector<std::string>{},
                                       .tasks = 1,
                                       .taken_pids = std::vector<std::string>{},
                                       .lsm_mismatch = ""};
        facts.target->manifest->image_ref = std::string(64, 'a');
        facts.bundle->names = {{"image_ref", std::string(64, 'a')}};
        facts.target->manifest->cpu = "sse2";
        facts.target->manifest->kernel = "6.12.1";
    }
    // Verdict of one check, and the code that refuses.
    std::string verdict(std::string_view id) {
        outcome = check::run(facts, settings);
        for (const auto& finding : outcome.findings)
            if (finding.check == id)
                return finding.verdict.text();
        return "not run";
    }
    oci::Invocation invocation;
    Deadline deadline{std::chrono::seconds(60)};
    inspect::Facts facts;
    config::Settings settings;
    check::Outcome outcome;
};

} // namespace lpm
