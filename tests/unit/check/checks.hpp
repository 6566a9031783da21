// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <gtest/gtest.h>

#include "check/check.hpp"
#include "check/texts.hpp"

namespace lpm {

// An ordinary container that passes every check, for tests to change one thing of.
class Checks : public testing::Test {
  protected:
    Checks() {
        facts.subject.image_path = "/i";
        facts.caller.environment = {.path = "/usr/bin"};
        facts.caller.capabilities = UINT64_MAX;
        facts.host.kernel = inspect::KernelVersion{6, 18};
        facts.host.march = criu::March::x86_64;
        facts.host.cpu = "sse2";
        facts.host.available_memory = std::uint64_t{1} << 40;
        facts.host.image_space = inspect::Space{"/i", 1 << 20, 1000, 1};
        facts.tools.criu_path = "/usr/sbin/criu";
        facts.tools.criu = criu::CriuFacts{"/usr/sbin/criu", "k", 40201, "iptables"};
        facts.tools.criu->dump_failure = facts.tools.criu->check_failure = "";
        facts.tools.criu->missing.emplace();
        facts.tools.criu->selinux = true;
        facts.tools.runtime_config = "/etc/criu/runc.conf";
        facts.bundle = oci::Bundle{};
        facts.bundle->network_namespace = true;
        facts.bundle->ipc_namespace = facts.bundle->own_ipc = facts.bundle->own_pid = true;
        facts.bundle->names = {{"image_ref", std::string(64, 'a')}};
        fill_container();
        fill_images();
    }
    void fill_container() {
        facts.container.state = oci::State{};
        facts.container.state->init = 7;
        facts.container.alive = true;
        facts.container.stdio.emplace();
        facts.container.mounts = {{.id = 1, .device = 1, .root = "/", .point = "/", .type = "overlay"}};
        forget_workload();
    }
    // As if nothing had been found in the processes.
    void forget_workload() { facts.container.workload.emplace().memory = inspect::MemoryUse{1000, 0}; }
    void fill_images() {
        auto& images = facts.images;
        images.complete = Result<>{};
        images.descriptors = Result<>{};
        images.manifest = record::CheckpointManifest{};
        images.manifest->image_ref = std::string(64, 'a');
        images.manifest->cpu = "sse2";
        images.manifest->kernel = "6.12.1";
        images.inventory = criu::InventoryEntry{};
        images.mtype = criu::March::x86_64;
        images.memory = {.all = 1000, .least = 1000};
        images.outer_terminal = false;
        images.tasks = 1;
        images.pid_namespace_missing = false;
        for (auto* list : {&images.missing_files, &images.unexecutable, &images.missing_addresses,
                           &images.missing_local_addresses, &images.missing_mounts, &images.new_mounts,
                           &images.other_settings, &images.deleted_mounts, &images.taken_sockets})
            list->emplace();
        images.changed_files.emplace();
        images.changed_modes.emplace();
        images.taken_ports.emplace();
        images.missing_namespaces.emplace();
        images.missing_sources.emplace();
        images.unlike_sources.emplace();
        images.foreign_images.emplace();
        images.writable_images.emplace();
        images.connections.emplace();
        images.taken_pids.emplace();
        images.lsm_mismatches.emplace();
        images.excesses.emplace();
        images.mount_excesses.emplace();
        images.spec_excesses.emplace();
    }
    // Verdict of one check, and the code that refuses.
    std::string verdict(std::string_view id) {
        outcome = check::run(facts, settings, deadline);
        for (const auto& finding : outcome.findings)
            if (finding.check == id)
                return finding.verdict.text();
        return "not run";
    }
    Deadline deadline{std::chrono::seconds(60)};
    inspect::Facts facts;
    config::Settings settings;
    check::Outcome outcome;
};

// The words of a message for each; "?" when there is no list.
template <class T>
[[nodiscard]] std::vector<std::string> texts_of(const std::optional<std::vector<T>>& list) {
    std::vector<std::string> texts;
    if (!list)
        return {"?"};
    for (const auto& one : *list)
        texts.push_back(check::text_of(one));
    return texts;
}

} // namespace lpm
