// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Mappings that no machine of the tests can make: of tracing tools and huge pages.
#include "../check/checks.hpp"
#include "inspect/container_walk.hpp"

using namespace lpm;

namespace {

class Mappings : public Checks {
  protected:
    void read(std::string_view maps) {
        forget_workload();
        const inspect::WalkOptions options{.caller = facts.caller, .deadline = deadline};
        inspect::Walk walk{.container = facts.container,
                           .options = options,
                           .workload = *facts.container.workload,
                           .pids = {12}};
        inspect::note_mappings(walk, {12, "worker"}, maps);
    }
};

constexpr std::string_view plain = "55d0c0000000-55d0c0001000 r-xp 00000000 fe:00 131 /usr/bin/worker\n"
                                   "7f0000000000-7f0000021000 rw-p 00000000 00:00 0 [heap]\n"
                                   "7f1000000000-7f1000001000 rw-p 00000000 00:00 0 \n";

} // namespace

TEST_F(Mappings, of_a_traced_program) {
    read(plain);
    EXPECT_EQ(verdict("Uprobes"), "pass");
    read(std::string(plain) + "7fffffffe000-7ffffffff000 --xp 00000000 00:00 0 [uprobes]\n");
    EXPECT_EQ(verdict("Uprobes"), "block");
    EXPECT_NE(outcome.message.find("process 12 (worker)"), std::string::npos) << outcome.message;
}

TEST_F(Mappings, in_huge_pages) {
    facts.tools.criu->missing = {"memfd_hugetlb"};
    read(plain);
    EXPECT_EQ(verdict("HugeMemfd"), "pass");
    for (const char* path : {"/memfd:hugetlb (deleted)", "/anon_hugepage (deleted)"}) {
        read(std::string(plain) + "7f2000000000-7f2000200000 rw-s 00000000 00:0f 77 " + path + "\n");
        EXPECT_EQ(verdict("HugeMemfd"), "warn") << path;
    }
}

TEST_F(Mappings, of_system_v) {
    facts.bundle->ipc_namespace = facts.bundle->own_ipc = false;
    read(plain);
    EXPECT_EQ(verdict("SysvShm"), "pass");
    read("7f3000000000-7f3000200000 rw-s 00000000 00:01 32768 /SYSV00000000 (deleted)\n");
    EXPECT_EQ(verdict("SysvShm"), "block");
}
