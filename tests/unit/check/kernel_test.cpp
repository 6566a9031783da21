// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "checks.hpp"
#include "oci/phrases.hpp"

using namespace lpm;
using inspect::Item;

namespace {

class KernelChecks : public Checks {
  protected:
    void find(Item item) { (*facts.container.workload)[item].add({12, "redis-server", -1, {}}); }
};

} // namespace

TEST_F(KernelChecks, KernelSupport) {
    facts.tools.criu->check_failure = "mqueue is not mounted";
    EXPECT_EQ(verdict("KernelSupport"), "warn") << "it works all the same";
    facts.tools.criu->dump_failure = "criu did not end in 30000 ms";
    EXPECT_EQ(verdict("KernelSupport"), "block");
    EXPECT_NE(outcome.message.find("did not end"), std::string::npos) << outcome.message;
    facts.tools.criu->dump_failure = "ptrace: Operation not permitted";
    EXPECT_EQ(verdict("KernelSupport"), "block");
    EXPECT_FALSE(oci::misread(outcome.message)) << outcome.message;
    facts.tools.criu->dump_failure.reset();
    EXPECT_EQ(verdict("KernelSupport"), "unknown");
}

TEST_F(KernelChecks, Rseq) {
    facts.tools.criu->version = 31600;
    EXPECT_EQ(verdict("Rseq"), "warn");
    facts.tools.criu->version = 40101;
    facts.tools.criu->missing = {"get_rseq_conf"};
    EXPECT_EQ(verdict("Rseq"), "warn");
    facts.tools.criu->missing.reset();
    EXPECT_EQ(verdict("Rseq"), "unknown");
}

TEST_F(KernelChecks, SeccompFilter) {
    facts.tools.criu->missing = {"seccomp_suspend"};
    EXPECT_EQ(verdict("SeccompFilter"), "pass") << "nobody has a filter";
    find(Item::seccomp_filter);
    EXPECT_EQ(verdict("SeccompFilter"), "block");
    facts.tools.criu->missing->clear();
    EXPECT_EQ(verdict("SeccompFilter"), "pass");
    facts.tools.criu->missing.reset();
    EXPECT_EQ(verdict("SeccompFilter"), "unknown");
}

TEST_F(KernelChecks, HugeMemfd) {
    find(Item::huge_memfd);
    facts.tools.criu->missing = {"memfd_hugetlb"};
    EXPECT_EQ(verdict("HugeMemfd"), "warn");
    facts.tools.criu->missing.reset();
    EXPECT_EQ(verdict("HugeMemfd"), "warn");
}

TEST_F(KernelChecks, SelinuxMissing) {
    facts.tools.criu->selinux = false;
    EXPECT_EQ(verdict("SelinuxMissing"), "pass") << "nothing is enforced";
    facts.host.selinux_enforcing = true;
    EXPECT_EQ(verdict("SelinuxMissing"), "warn");
    facts.tools.criu->selinux.reset();
    EXPECT_EQ(verdict("SelinuxMissing"), "unknown");
}

TEST_F(KernelChecks, TarMissing) {
    facts.tools.missing_tar = "gzip";
    EXPECT_EQ(verdict("TarMissing"), "pass") << "there is no tmpfs";
    facts.bundle->has_tmpfs = true;
    EXPECT_EQ(verdict("TarMissing"), "block");
    facts.subject.stage = inspect::Stage::restore;
    EXPECT_EQ(verdict("TarMissing"), "block");
}

TEST_F(KernelChecks, Capabilities) {
    facts.caller.capabilities = 0;
    EXPECT_EQ(verdict("Capabilities"), "block");
    facts.caller.capabilities = UINT64_MAX & ~(std::uint64_t{1} << 19U);
    EXPECT_EQ(verdict("Capabilities"), "block");
    facts.caller.capabilities = UINT64_MAX & ~(std::uint64_t{1} << 12U);
    EXPECT_EQ(verdict("Capabilities"), "warn");
    facts.caller.capabilities.reset();
    EXPECT_EQ(verdict("Capabilities"), "unknown");
}

TEST_F(KernelChecks, Capabilities_for_the_limits_of_other_users) {
    facts.caller.capabilities = UINT64_MAX & ~(std::uint64_t{1} << 24U);
    EXPECT_EQ(verdict("Capabilities"), "pass") << "all is root's";
    find(Item::other_user);
    EXPECT_EQ(verdict("Capabilities"), "block");
    EXPECT_NE(outcome.message.find("redis-server"), std::string::npos) << outcome.message;
    facts.bundle->user_namespace = true;
    EXPECT_EQ(verdict("Capabilities"), "pass") << "who made the namespace may do all in it";
    facts.bundle->user_namespace = false;
    facts.caller.capabilities = UINT64_MAX;
    EXPECT_EQ(verdict("Capabilities"), "pass");
    facts.caller.capabilities = UINT64_MAX & ~(std::uint64_t{1} << 24U);
    facts.subject.stage = inspect::Stage::restore;
    EXPECT_EQ(verdict("Capabilities"), "pass") << "a restore reads no limits";
}

TEST_F(KernelChecks, MemoryTight) {
    facts.host.available_memory = 10;
    EXPECT_EQ(verdict("MemoryTight"), "warn");
}
