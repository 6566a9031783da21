// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>

#include "../support.hpp"
#include "checks.hpp"

using namespace lpm;

namespace {

class TaskChecks : public Checks {
  protected:
    TaskChecks() { facts.subject.stage = inspect::Stage::restore; }
    void set(const std::string& name, const std::string& value) {
        facts.options.add({{{name, value, "f"}}, {}});
    }
    // The only finding of that check.
    std::string message(std::string_view id) {
        outcome = check::run(facts, settings, deadline);
        const auto finding = std::ranges::find(outcome.findings, id, &record::Finding::check);
        return finding == outcome.findings.end() ? "" : finding->message;
    }
};

} // namespace

TEST_F(TaskChecks, TcpOptionMissing) {
    facts.images.connections->push_back({{"10.0.0.7", 80}, {"10.0.0.8", 1234}});
    EXPECT_EQ(verdict("TcpOptionMissing"), "block");
    EXPECT_NE(message("TcpOptionMissing").find("10.0.0.8 port 1234"), std::string::npos);
    set("tcp-established", "true");
    EXPECT_EQ(verdict("TcpOptionMissing"), "covered");
    facts.images.inventory->tcp_close = true;
    EXPECT_EQ(verdict("TcpOptionMissing"), "block") << "CRIU wants the option of the dump";
    facts.images.connections->clear();
    EXPECT_EQ(verdict("TcpOptionMissing"), "block") << "without a connection as well";
    facts.tools.criu->version = 31701;
    EXPECT_EQ(verdict("TcpOptionMissing"), "pass") << "which does not read the field";
    facts.tools.criu->version = 40201;
    set("tcp-close", "true");
    EXPECT_EQ(verdict("TcpOptionMissing"), "covered");
}

TEST_F(TaskChecks, Uprobes) {
    EXPECT_EQ(verdict("Uprobes"), "pass");
    facts.images.inventory->allow_uprobes = true;
    EXPECT_EQ(verdict("Uprobes"), "block");
    facts.tools.criu->version = 40101;
    EXPECT_EQ(verdict("Uprobes"), "pass") << "which does not know the option";
    facts.tools.criu.reset();
    EXPECT_EQ(verdict("Uprobes"), "unknown");
}

TEST_F(TaskChecks, judge_numbers_and_profiles) {
    facts.images.taken_pids = {{12, "redis-server"}};
    facts.images.pid_namespace_missing = true;
    facts.images.lsm_mismatches = {{1, criu::LsmType::apparmor, "x", criu::LsmType::apparmor}};
    for (const char* id : {"PidTaken", "PidNamespaceMissing", "LsmMismatch"})
        EXPECT_EQ(verdict(id), "block") << id;
    facts.images = {};
    for (const char* id :
         {"TcpOptionMissing", "Uprobes", "PidTaken", "PidNamespaceMissing", "PidsLimit", "LsmMismatch"})
        EXPECT_EQ(verdict(id), "unknown") << id;
}

TEST_F(TaskChecks, PrivilegesExceeded) {
    EXPECT_EQ(verdict("PrivilegesExceeded"), "pass");
    facts.images.spec_excesses = {{.kind = inspect::Excess::Kind::unmasked, .text = "/proc/kcore"}};
    EXPECT_EQ(verdict("PrivilegesExceeded"), "warn");
    facts.images.excesses = {{.number = 1U << 21U, .pid = 1, .thread = 1, .name = "nginx"}};
    EXPECT_NE(message("PrivilegesExceeded").find("CAP_SYS_ADMIN"), std::string::npos);
    settings.severities = {{"PrivilegesExceeded", config::Severity::block}};
    EXPECT_EQ(verdict("PrivilegesExceeded"), "block");
    EXPECT_EQ(outcome.message, "process 1 (nginx) holds CAP_SYS_ADMIN, which config.json of this container "
                               "does not grant; restore it "
                               "in a pod with the same securityContext as that of the checkpoint");
    facts.images.excesses->clear();
    facts.images.mount_excesses = {
        {.kind = inspect::Excess::Kind::looser_mount, .text = "/data without nosuid"}};
    EXPECT_EQ(verdict("PrivilegesExceeded"), "block");
    EXPECT_TRUE(outcome.message.starts_with(
        "the container that was checkpointed had /data without nosuid, which config.json of this"))
        << outcome.message;
    facts.images.mount_excesses->clear();
    facts.images.spec_excesses.reset();
    EXPECT_EQ(verdict("PrivilegesExceeded"), "unknown") << "an ordinary restore is never in its way";
    facts.images.excesses.reset();
    EXPECT_EQ(verdict("PrivilegesExceeded"), "unknown");
    facts.bundle.reset();
    EXPECT_EQ(verdict("PrivilegesExceeded"), "unknown");
    EXPECT_EQ(outcome.code, "");
}

TEST_F(TaskChecks, PrivilegesExceeded_where_a_pod_is_created) {
    facts.subject.at_create = true;
    for (const auto severity : {config::Severity::off, config::Severity::warn}) {
        settings.severities = {{"PrivilegesExceeded", severity}};
        settings.skippable = {"PrivilegesExceeded"};
        facts.bundle->skip_checks = "PrivilegesExceeded,PidTaken";
        facts.images.excesses.emplace();
        facts.images.mount_excesses.emplace();
        facts.images.spec_excesses.emplace();
        EXPECT_EQ(verdict("PrivilegesExceeded"), "pass");
        facts.images.spec_excesses.reset();
        EXPECT_EQ(verdict("PrivilegesExceeded"), "block") << "what is not known is not fine";
        EXPECT_NE(outcome.message.find("spec.dump"), std::string::npos) << outcome.message;
        facts.images.excesses = {{.kind = inspect::Excess::Kind::new_privileges, .pid = 1, .thread = 1}};
        EXPECT_EQ(verdict("PrivilegesExceeded"), "block");
    }
    facts.images.excesses.emplace();
    facts.images.spec_excesses.emplace();
    facts.images.tasks.reset();
    EXPECT_EQ(verdict("PidsLimit"), "unknown");
    EXPECT_EQ(outcome.code, "") << "other checks are as ever";
    deadline = Deadline(std::chrono::milliseconds(0));
    EXPECT_EQ(verdict("PrivilegesExceeded"), "block");
}

TEST_F(TaskChecks, PidsLimit) {
    facts.images.tasks = 10;
    EXPECT_EQ(verdict("PidsLimit"), "pass") << "no limit";
    facts.bundle->pids_limit = 14;
    EXPECT_EQ(verdict("PidsLimit"), "pass");
    facts.bundle->pids_limit = 13;
    EXPECT_EQ(verdict("PidsLimit"), "warn") << "no room for helpers";
    facts.bundle->pids_limit = 9;
    EXPECT_EQ(verdict("PidsLimit"), "warn") << "whether the limit holds while CRIU works is not known";
}

TEST_F(TaskChecks, Terminal_of_the_images) {
    EXPECT_EQ(verdict("Terminal"), "pass");
    facts.images.outer_terminal = true;
    EXPECT_EQ(verdict("Terminal"), "block");
    set("shell-job", "true");
    EXPECT_EQ(verdict("Terminal"), "covered");
    facts.images.outer_terminal.reset();
    EXPECT_EQ(verdict("Terminal"), "unknown");
}
