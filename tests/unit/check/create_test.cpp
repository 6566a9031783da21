// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Before the container is there: only config.json is known.
#include "checks.hpp"

#include <set>

using namespace lpm;
using inspect::Stage;

namespace {

class CreateChecks : public Checks {
  protected:
    // Nothing else is there: a check that looks at more than config.json says `unknown`, or crashes.
    CreateChecks() {
        planned.subject.stage = Stage::create;
        planned.bundle = oci::Bundle{};
        planned.bundle->own_pid = true;
        planned.bundle->mounts = {{"/proc", "", false, "proc"}, {"/data", "/srv", true, "bind"}};
    }
    std::string verdict_of(std::string_view id) {
        outcome = check::run(planned, settings, deadline);
        for (const auto& finding : outcome.findings)
            if (finding.check == id)
                return finding.verdict.text();
        return "not run";
    }
    inspect::Facts planned;
};

} // namespace

TEST_F(CreateChecks, are_those_that_the_table_marks_and_need_nothing_else) {
    std::set<std::string> marked;
    for (const auto& entry : check::table())
        if (entry.early == check::Early::create)
            marked.emplace(entry.id);
    EXPECT_GE(marked.size(), 6U);
    outcome = check::run(planned, settings, deadline);
    EXPECT_EQ(outcome.findings.size(), marked.size());
    for (const auto& finding : outcome.findings) {
        EXPECT_TRUE(marked.contains(finding.check)) << finding.check;
        EXPECT_EQ(finding.verdict.text(), "pass") << finding.check << ": " << finding.message;
    }
    planned.bundle.reset();
    for (const auto& finding : check::run(planned, settings, deadline).findings)
        EXPECT_EQ(finding.verdict.text(), "unknown") << finding.check;
}

TEST_F(CreateChecks, FilesystemUnsupported) {
    planned.bundle->mounts.push_back({"/scratch", "", false, "ramfs"});
    EXPECT_EQ(verdict_of("FilesystemUnsupported"), "block");
    EXPECT_NE(outcome.message.find("/scratch (ramfs)"), std::string::npos) << outcome.message;
    planned.bundle->mounts.back() = {"/scratch", "/srv", true, "ramfs"};
    EXPECT_EQ(verdict_of("FilesystemUnsupported"), "pass") << "bound in from the node";
    planned.bundle->mounts.back() = {"/dev/hugepages", "", false, "hugetlbfs"};
    EXPECT_EQ(verdict_of("FilesystemUnsupported"), "pass") << "the runtime tells CRIU of what is below /dev";
    planned.bundle->mounts.back() = {"/x", "", false, ""};
    EXPECT_EQ(verdict_of("FilesystemUnsupported"), "pass");
}

TEST_F(CreateChecks, Terminal) {
    planned.bundle->terminal = true;
    EXPECT_EQ(verdict_of("Terminal"), "warn") << "podman restores it";
    planned.bundle->crio = true;
    EXPECT_EQ(verdict_of("Terminal"), "block");
    EXPECT_EQ(outcome.code, "Terminal");
}

TEST_F(CreateChecks, warn_of_what_is_not_certain) {
    planned.bundle->own_pid = false;
    planned.bundle->user_namespace = true;
    planned.bundle->volumes = {"/data"};
    planned.bundle->pod_identity = {"POD_IP"};
    for (const char* id : {"PidNamespaceShared", "UserNamespace", "VolumesLeftOut", "PodIdentityInEnv"})
        EXPECT_EQ(verdict_of(id), "warn") << id;
    EXPECT_EQ(outcome.code, "");
}

TEST_F(CreateChecks, obey_settings_and_annotations) {
    planned.bundle->mounts.push_back({"/scratch", "", false, "ramfs"});
    settings.severities = {{"FilesystemUnsupported", config::Severity::warn}};
    EXPECT_EQ(verdict_of("FilesystemUnsupported"), "warn");
    settings.severities = {{"FilesystemUnsupported", config::Severity::off}};
    EXPECT_EQ(verdict_of("FilesystemUnsupported"), "not run");
    settings.severities.clear();
    planned.bundle->skip_checks = "FilesystemUnsupported";
    EXPECT_EQ(verdict_of("FilesystemUnsupported"), "block");
    settings.skippable = {"FilesystemUnsupported"};
    EXPECT_EQ(verdict_of("FilesystemUnsupported"), "warn");
}
