// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What the kernel and the node must have for CRIU; lpm-gate --probe has asked CRIU about it.
#include "base/text.hpp"
#include "check/found.hpp"
#include "check/judges.hpp"
#include "oci/phrases.hpp"

namespace lpm::check {

static Judgement not_probed() {
    return {Verdict::unknown, "what CRIU can do on this kernel is not known yet: run lpm-gate --probe"};
}

// CRIU's own words, unless callers would take them for another error.
static std::string own_words(std::string_view failure) {
    return oci::misread(failure) ? "lpm-gate --probe tells why" : one_line(failure, 300);
}

// The probe has dumped a sleeping process. Where that fails, nothing can be dumped.
Judgement judge_kernel(const Facts& facts) {
    if (!facts.tools.criu || !facts.tools.criu->dump_failure)
        return not_probed();
    if (!facts.tools.criu->dump_failure->empty())
        return {Verdict::block, "CRIU cannot dump even a process that sleeps on this node (" +
                                    own_words(*facts.tools.criu->dump_failure) + ")"};
    if (facts.tools.criu->check_failure && !facts.tools.criu->check_failure->empty())
        return {Verdict::warn, "criu check does not find all that it wants (" +
                                   own_words(*facts.tools.criu->check_failure) + ")"};
    return {};
}

// Which programs use restartable sequences /proc does not tell; those of glibc 2.35 and newer do.
Judgement judge_rseq(const Facts& facts) {
    constexpr std::uint32_t able = 31700;
    if (!facts.tools.criu || facts.tools.criu->version == 0 || !facts.tools.criu->has("get_rseq_conf"))
        return not_probed();
    if (facts.tools.criu->version < able)
        return {Verdict::warn,
                "CRIU before 3.17 restores programs of glibc 2.35 and newer so that they crash"};
    if (!*facts.tools.criu->has("get_rseq_conf"))
        return {Verdict::warn, "this kernel does not tell CRIU of restartable sequences, and it fails on "
                               "programs of glibc 2.35 and newer"};
    return {};
}

Judgement judge_seccomp(const Facts& facts) {
    if (!facts.tools.criu || !facts.tools.criu->has("seccomp_suspend"))
        return not_probed();
    if (*facts.tools.criu->has("seccomp_suspend"))
        return {};
    return judge_found(facts, Item::seccomp_filter, "a seccomp filter",
                       "this kernel cannot suspend filters for CRIU");
}

Judgement judge_huge_memfd(const Facts& facts) {
    if (facts.tools.criu && facts.tools.criu->has("memfd_hugetlb") == true)
        return {};
    return judge_found(facts, Item::huge_memfd, "memory in huge pages",
                       "this kernel or CRIU may be too old to dump it", Verdict::warn);
}

Judgement judge_selinux(const Facts& facts) {
    if (!facts.host.selinux_enforcing)
        return {};
    if (!facts.tools.criu || !facts.tools.criu->selinux)
        return {Verdict::unknown,
                "whether CRIU is built with SELinux is not known yet: run lpm-gate --probe"};
    if (*facts.tools.criu->selinux)
        return {};
    return {Verdict::warn, "SELinux is enforcing here, and " + facts.tools.criu_path +
                               " is built without it: its own sockets may be denied to it"};
}

// CRIU reads the limits of every process with prlimit, which asks for more than root where the users differ
// (kernel/sys.c check_prlimit_permission), unless root has made the user namespace of the process.
static Judgement judge_limits(const Facts& facts) {
    if (facts.subject.stage != Stage::checkpoint || (facts.bundle && facts.bundle->user_namespace))
        return {};
    return judge_found(facts, Item::other_user, "another user than the runtime's",
                       "the runtime is run without CAP_SYS_RESOURCE, which CRIU needs to read its limits");
}

Judgement judge_capabilities(const Facts& facts) {
    // linux/capability.h, which has no names for a bit mask.
    constexpr std::uint64_t net_admin = std::uint64_t{1} << 12U;
    constexpr std::uint64_t sys_ptrace = std::uint64_t{1} << 19U;
    constexpr std::uint64_t sys_admin = std::uint64_t{1} << 21U;
    constexpr std::uint64_t sys_resource = std::uint64_t{1} << 24U;
    constexpr std::uint64_t checkpoint_restore = std::uint64_t{1} << 40U;
    if (!facts.caller.capabilities)
        return {Verdict::unknown, "the capabilities of this process cannot be read"};
    if ((*facts.caller.capabilities & (sys_admin | checkpoint_restore)) == 0)
        return {
            Verdict::block,
            "the runtime is run without CAP_SYS_ADMIN and CAP_CHECKPOINT_RESTORE: CRIU needs one of them"};
    if ((*facts.caller.capabilities & sys_ptrace) == 0)
        return {Verdict::block, "the runtime is run without CAP_SYS_PTRACE, which CRIU needs"};
    if ((*facts.caller.capabilities & sys_resource) == 0)
        if (auto finding = judge_limits(facts); finding.verdict != Verdict::pass)
            return finding;
    if ((*facts.caller.capabilities & net_admin) == 0)
        return {Verdict::warn,
                "the runtime is run without CAP_NET_ADMIN, which CRIU needs for network locks and TCP"};
    return {};
}

} // namespace lpm::check
