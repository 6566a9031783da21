// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What the checks say of images that were compared; that they are is tested beside lib/inspect/images*.cpp.
#include "../support.hpp"
#include "checks.hpp"

using namespace lpm;
using What = inspect::ChangedFile::What;

namespace {

class RestoreChecks : public Checks {
  protected:
    RestoreChecks() { facts.subject.stage = inspect::Stage::restore; }
};

} // namespace

TEST_F(RestoreChecks, judge_what_was_compared) {
    auto& images = facts.images;
    images.mtype = criu::March::aarch64;
    EXPECT_EQ(verdict("ArchMismatch"), "block");
    images.manifest->cpu = "sse2 avx512f";
    EXPECT_EQ(verdict("CpuMismatch"), "block");
    EXPECT_NE(outcome.findings.end(), std::ranges::find_if(outcome.findings, [](const auto& finding) {
                  return finding.message.find("(avx512f)") != std::string::npos;
              }));
    images.manifest->kernel = "6.19.2";
    EXPECT_EQ(verdict("KernelOlder"), "warn");
    images.missing_files = {"/a"};
    images.changed_files = {{What::size, "/b", 1, 2}};
    images.missing_addresses = {"10.0.0.1"};
    images.taken_ports = {{"0.0.0.0", 80}};
    images.missing_namespaces->push_back({"network", "/x"});
    for (const char* id :
         {"FileMissing", "FileChanged", "AddressMissing", "AddressInUse", "NamespaceMissing"})
        EXPECT_EQ(verdict(id), "block") << id;
    facts.images = {};
    for (const char* id : {"ArchMismatch", "CpuMismatch", "KernelOlder", "FileMissing", "FileChanged",
                           "AddressMissing", "AddressInUse", "NamespaceMissing", "MemoryLimit"})
        EXPECT_EQ(verdict(id), "unknown") << id;
}

TEST_F(RestoreChecks, FileChanged_of_permissions) {
    facts.images.changed_modes = {{What::mode, "/f", 0100644, 0100600}};
    EXPECT_EQ(verdict("FileChanged"), "block");
    const TempDir dir;
    dir.write("criu.conf", "skip-file-rwx-check\n");
    facts.options = criu::EffectiveOptions::read({{}, {}, dir.path("criu.conf")}, {});
    EXPECT_EQ(verdict("FileChanged"), "covered");
    facts.images.changed_files = {{What::size, "/f", 3, 4}};
    EXPECT_EQ(verdict("FileChanged"), "block");
}

TEST_F(RestoreChecks, AddressMissing_of_connections) {
    facts.images.missing_local_addresses = {"10.0.0.1"};
    EXPECT_EQ(verdict("AddressMissing"), "block");
    oci::Invocation invocation;
    invocation.set[static_cast<std::size_t>(oci::Option::tcp_close)] = true;
    facts.options = criu::EffectiveOptions::read({}, invocation);
    EXPECT_EQ(verdict("AddressMissing"), "covered") << "CRIU makes no connection again";
    facts.images.missing_addresses = {"10.0.0.1"};
    EXPECT_EQ(verdict("AddressMissing"), "block") << "who listens there needs it all the same";
}

TEST_F(RestoreChecks, MemoryLimit) {
    facts.images.memory = {.all = 100 << 20, .least = 60 << 20};
    EXPECT_EQ(verdict("MemoryLimit"), "pass") << "no limit";
    facts.bundle->memory_limit = 128 << 20;
    EXPECT_EQ(verdict("MemoryLimit"), "pass");
    facts.tools.runtime.emplace().kind = oci::RuntimeKind::runc;
    facts.host.pids = inspect::PidsController::cgroup_v1;
    facts.host.no_swap = true;
    facts.bundle->memory_limit = 64 << 20;
    EXPECT_EQ(verdict("MemoryLimit"), "warn") << "they may share some";
    facts.bundle->memory_limit = 32 << 20;
    EXPECT_EQ(verdict("MemoryLimit"), "block");
    facts.host.no_swap = false;
    EXPECT_EQ(verdict("MemoryLimit"), "warn") << "the rest may be swapped out";
    facts.bundle->swap_limit = 64 << 20;
    EXPECT_EQ(verdict("MemoryLimit"), "warn");
    facts.bundle->swap_limit = 32 << 20;
    EXPECT_EQ(verdict("MemoryLimit"), "block");
    facts.host.pids = inspect::PidsController::cgroup_v2;
    EXPECT_EQ(verdict("MemoryLimit"), "warn") << "CRIU may put them into the cgroup of the dump";
}
