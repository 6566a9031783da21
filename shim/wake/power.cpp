// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "power.hpp"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <iterator>
#include <memory>
#include <seccomp.h>
#include <span>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <type_traits>
#include <unistd.h>
#include <utility>

namespace lpm::wake {

namespace {

// What a layer needs: its files have any owner and mode, and may have capabilities of their own.
constexpr cap_value_t owning[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_SETFCAP};

constexpr int reading_calls[] = {
    SCMP_SYS(brk),     SCMP_SYS(close),   SCMP_SYS(exit),           SCMP_SYS(exit_group),
    SCMP_SYS(fstat),   SCMP_SYS(futex),   SCMP_SYS(getpid),         SCMP_SYS(gettid),
    SCMP_SYS(lseek),   SCMP_SYS(madvise), SCMP_SYS(mremap),         SCMP_SYS(munmap),
    SCMP_SYS(pread64), SCMP_SYS(read),    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(write),   SCMP_SYS(writev),  SCMP_SYS(getrandom)};

// Paths are opened by openat2 alone, which says for each what it may lead to: no library opens anything, such
// as a file of character sets that a container has put where libc would look.
constexpr int writing_calls[] = {
    SCMP_SYS(fchmod),     SCMP_SYS(fstatfs), SCMP_SYS(ftruncate), SCMP_SYS(getdents64), SCMP_SYS(mkdirat),
    SCMP_SYS(newfstatat), SCMP_SYS(openat2), SCMP_SYS(pwrite64),  SCMP_SYS(sendfile),   SCMP_SYS(unlinkat)};

constexpr int owning_calls[] = {SCMP_SYS(fchown), SCMP_SYS(fchownat),  SCMP_SYS(fsetxattr),
                                SCMP_SYS(linkat), SCMP_SYS(symlinkat), SCMP_SYS(utimensat)};

constexpr scmp_arg_cmp is(unsigned argument, scmp_datum_t value) {
    return {argument, SCMP_CMP_EQ, value, 0};
}
constexpr scmp_arg_cmp has(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
    return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

// Allowed with one value of an argument only.
struct Rule {
    int call;
    scmp_arg_cmp when;
};
constexpr Rule rules[] = {
    {SCMP_SYS(mmap), has(2, PROT_EXEC, 0)},
    {SCMP_SYS(mprotect), has(2, PROT_EXEC, 0)},
    // fstat of glibc; that its path is empty a filter cannot see
    {SCMP_SYS(newfstatat), has(3, AT_EMPTY_PATH, AT_EMPTY_PATH)},
    {SCMP_SYS(fcntl), is(1, F_GETFL)}, // fdopendir
    {SCMP_SYS(fcntl), is(1, F_SETFD)},
    {SCMP_SYS(prctl), is(0, PR_SET_VMA)}, // malloc names its arenas
};
// Devices need CAP_MKNOD beside.
constexpr Rule owning_rules[] = {{SCMP_SYS(mknodat), has(2, S_IFMT, S_IFIFO)}};

struct Releasing {
    void operator()(scmp_filter_ctx filter) const { ::seccomp_release(filter); }
};
struct FreeingCap {
    void operator()(cap_t set) const { ::cap_free(set); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeingCap>;

int allow(scmp_filter_ctx filter, std::span<const int> calls) {
    for (const int call : calls)
        if (const int result = ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 0, nullptr); result < 0)
            return result;
    return 0;
}

int allow(scmp_filter_ctx filter, std::span<const Rule> some) {
    for (const Rule& rule : some)
        if (const int result = ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule.call, 1, &rule.when);
            result < 0)
            return result;
    return 0;
}

int build(scmp_filter_ctx filter, Power keep) {
    int result = allow(filter, reading_calls);
    if (result >= 0)
        result = allow(filter, rules);
    if (result >= 0 && keep != Power::read)
        result = allow(filter, writing_calls);
    if (result >= 0 && keep == Power::own)
        result = allow(filter, owning_calls);
    if (result >= 0 && keep == Power::own)
        result = allow(filter, owning_rules);
    return result;
}

Result<> filter_calls(Power keep) {
    const std::unique_ptr<void, Releasing> filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
    if (!filter)
        return fail_errno(ENOMEM, "make a filter of system calls");
    int result = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (result >= 0)
        result = build(filter.get(), keep);
    if (result >= 0)
        result = ::seccomp_load(filter.get());
    return result >= 0 ? Result<>() : fail_errno(-result, "filter system calls");
}

// Bounding and ambient set: without CAP_SETPCAP the first cannot be changed, and needs not be, since
// no_new_privs keeps an exec from gaining anything.
Result<> shrink_bounds() {
    const auto end = static_cast<cap_value_t>(::cap_max_bits());
    for (cap_value_t cap = 0; cap < end; ++cap)
        if (::cap_get_bound(cap) == 1 && ::cap_drop_bound(cap) != 0 && errno != EPERM)
            return fail_errno(errno, "drop a capability from the bounding set");
    if (::cap_reset_ambient() != 0 && errno != EPERM && errno != EINVAL)
        return fail_errno(errno, "clear the ambient capabilities");
    return {};
}

Result<> drop_capabilities(Power keep) {
    TRY(shrink_bounds());
    const Capabilities now(::cap_get_proc());
    const Capabilities then(::cap_init());
    bool good = now && then;
    for (const cap_value_t cap : owning) {
        cap_flag_value_t has = CAP_CLEAR;
        good = good && ::cap_get_flag(now.get(), cap, CAP_PERMITTED, &has) == 0;
        if (good && keep == Power::own && has == CAP_SET)
            good = ::cap_set_flag(then.get(), CAP_PERMITTED, 1, &cap, CAP_SET) == 0 &&
                   ::cap_set_flag(then.get(), CAP_EFFECTIVE, 1, &cap, CAP_SET) == 0;
    }
    if (!good || ::cap_set_proc(then.get()) != 0)
        return fail_errno(errno, "drop capabilities");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail_errno(errno, "set no_new_privs");
    return {};
}

Result<> set_limits() {
    constexpr rlim_t memory = rlim_t{768} << 20; // bytes of addresses: a million names take 300 MiB
    for (const auto& [what, most] : {std::pair{RLIMIT_AS, memory}, std::pair{RLIMIT_CORE, rlim_t{0}}}) {
        const rlimit limit{most, most};
        if (::setrlimit(what, &limit) != 0)
            return fail_errno(errno, "set a limit");
    }
    return {};
}

// Whatever a path says, it ends in the folder.
Result<> become_root(int folder) {
    if (::fchdir(folder) != 0 || ::chroot(".") != 0)
        return fail_errno(errno, "make the folder the root of all paths");
    return {};
}

} // namespace

Result<> give_power_away(Power keep, int folder) {
    ::umask(0); // modes are as they are set here
    TRY(set_limits());
    if (keep != Power::read) {
        TRY(become_root(folder));
    }
    TRY(drop_capabilities(keep));
    return filter_calls(keep);
}

} // namespace lpm::wake
