// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/sandbox.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lpm::node {

namespace {

// Those that an architecture does not have are numbers below zero, which libseccomp leaves out.
constexpr int allowed[] = {
    // memory; mapping and protecting are below
    SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(membarrier), SCMP_SYS(mincore), SCMP_SYS(mlock),
    SCMP_SYS(mlock2), SCMP_SYS(mremap), SCMP_SYS(mseal), SCMP_SYS(msync), SCMP_SYS(munlock), SCMP_SYS(munmap),
    // threads, signals, time
    SCMP_SYS(alarm), SCMP_SYS(arch_prctl), SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(futex_requeue),
    SCMP_SYS(futex_wait), SCMP_SYS(futex_waitv), SCMP_SYS(futex_wake), SCMP_SYS(get_robust_list),
    SCMP_SYS(getcpu), SCMP_SYS(getitimer), SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep), SCMP_SYS(pause),
    SCMP_SYS(restart_syscall), SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigpending),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigsuspend), SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sched_get_priority_max), SCMP_SYS(sched_get_priority_min), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler), SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list),
    SCMP_SYS(set_tid_address), SCMP_SYS(setitimer), SCMP_SYS(sigaltstack), SCMP_SYS(signalfd4),
    SCMP_SYS(time), SCMP_SYS(timer_create), SCMP_SYS(timer_delete), SCMP_SYS(timer_getoverrun),
    SCMP_SYS(timer_gettime), SCMP_SYS(timer_settime), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_gettime),
    SCMP_SYS(timerfd_settime), SCMP_SYS(uretprobe),
    // who and where we are
    SCMP_SYS(capget), SCMP_SYS(getegid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getgroups),
    SCMP_SYS(getpgid), SCMP_SYS(getpgrp), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getpriority),
    SCMP_SYS(getrandom), SCMP_SYS(getresgid), SCMP_SYS(getresuid), SCMP_SYS(getrlimit), SCMP_SYS(getrusage),
    SCMP_SYS(getsid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(sysinfo), SCMP_SYS(times), SCMP_SYS(uname),
    // descriptors
    SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
    SCMP_SYS(epoll_create), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_wait), SCMP_SYS(eventfd), SCMP_SYS(eventfd2), SCMP_SYS(fcntl),
    SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_init1), SCMP_SYS(inotify_rm_watch), SCMP_SYS(lseek),
    SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(pread64), SCMP_SYS(preadv),
    SCMP_SYS(preadv2), SCMP_SYS(pselect6), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(pwritev2),
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(select), SCMP_SYS(sendfile), SCMP_SYS(write), SCMP_SYS(writev),
    // files
    SCMP_SYS(access), SCMP_SYS(chdir), SCMP_SYS(chmod), SCMP_SYS(copy_file_range), SCMP_SYS(creat),
    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(fadvise64), SCMP_SYS(fallocate), SCMP_SYS(fchdir),
    SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(fchmodat2), SCMP_SYS(fdatasync), SCMP_SYS(fgetxattr),
    SCMP_SYS(flock), SCMP_SYS(fstat), SCMP_SYS(fstatfs), SCMP_SYS(fsync), SCMP_SYS(ftruncate),
    SCMP_SYS(getcwd), SCMP_SYS(getdents), SCMP_SYS(getdents64), SCMP_SYS(getxattr), SCMP_SYS(lgetxattr),
    SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(lstat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
    SCMP_SYS(newfstatat), SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(rmdir),
    SCMP_SYS(stat), SCMP_SYS(statfs), SCMP_SYS(statx), SCMP_SYS(symlink), SCMP_SYS(symlinkat),
    SCMP_SYS(truncate), SCMP_SYS(umask), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(utimensat),
    // sockets; which ones is below
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(bind), SCMP_SYS(connect), SCMP_SYS(getpeername),
    SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(listen), SCMP_SYS(recvfrom), SCMP_SYS(recvmmsg),
    SCMP_SYS(recvmsg), SCMP_SYS(sendmmsg), SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(setsockopt),
    SCMP_SYS(shutdown)};

// A child before its exec, the runtimes of other languages, and who waits for them.
constexpr int allowed_to_run[] = {SCMP_SYS(execve),
                                  SCMP_SYS(fork),
                                  SCMP_SYS(kill),
                                  SCMP_SYS(memfd_create),
                                  SCMP_SYS(mmap),
                                  SCMP_SYS(mprotect),
                                  SCMP_SYS(pidfd_open),
                                  SCMP_SYS(pidfd_send_signal),
                                  SCMP_SYS(sched_setaffinity),
                                  SCMP_SYS(setpgid),
                                  SCMP_SYS(setpriority),
                                  SCMP_SYS(setsid),
                                  SCMP_SYS(tgkill),
                                  SCMP_SYS(tkill),
                                  SCMP_SYS(vfork),
                                  SCMP_SYS(wait4),
                                  SCMP_SYS(waitid)};

constexpr int allowed_to_read[] = {
    SCMP_SYS(brk),          SCMP_SYS(clock_gettime), SCMP_SYS(close),        SCMP_SYS(exit),
    SCMP_SYS(exit_group),   SCMP_SYS(fadvise64),     SCMP_SYS(fstat),        SCMP_SYS(futex),
    SCMP_SYS(getpid),       SCMP_SYS(getrandom),     SCMP_SYS(gettid),       SCMP_SYS(lseek),
    SCMP_SYS(madvise),      SCMP_SYS(mremap),        SCMP_SYS(munmap),       SCMP_SYS(pread64),
    SCMP_SYS(read),         SCMP_SYS(readv),         SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),   SCMP_SYS(write),        SCMP_SYS(writev)};

constexpr int deadly[] = {
    // into other processes, or out of our place
    SCMP_SYS(chroot), SCMP_SYS(execveat), SCMP_SYS(kcmp), SCMP_SYS(pidfd_getfd), SCMP_SYS(pivot_root),
    SCMP_SYS(process_madvise), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(ptrace),
    SCMP_SYS(setns), SCMP_SYS(unshare),
    // file systems
    SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fsopen), SCMP_SYS(fspick), SCMP_SYS(mknod),
    SCMP_SYS(mknodat), SCMP_SYS(mount), SCMP_SYS(mount_setattr), SCMP_SYS(move_mount),
    SCMP_SYS(name_to_handle_at), SCMP_SYS(open_by_handle_at), SCMP_SYS(open_tree), SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd), SCMP_SYS(swapoff), SCMP_SYS(swapon), SCMP_SYS(umount2),
    // the kernel itself
    SCMP_SYS(acct), SCMP_SYS(bpf), SCMP_SYS(delete_module), SCMP_SYS(fanotify_init), SCMP_SYS(finit_module),
    SCMP_SYS(init_module), SCMP_SYS(ioperm), SCMP_SYS(iopl), SCMP_SYS(kexec_file_load), SCMP_SYS(kexec_load),
    SCMP_SYS(lookup_dcookie), SCMP_SYS(modify_ldt), SCMP_SYS(perf_event_open), SCMP_SYS(reboot),
    SCMP_SYS(syslog), SCMP_SYS(userfaultfd), SCMP_SYS(vhangup),
    // the machine's name and time
    SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime), SCMP_SYS(clock_settime), SCMP_SYS(setdomainname),
    SCMP_SYS(sethostname), SCMP_SYS(settimeofday)};

// EPERM to a child: some runtimes and plugins try these, and have another way.
constexpr int deadly_unless_run[] = {
    SCMP_SYS(add_key),        SCMP_SYS(execve), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
    SCMP_SYS(io_uring_setup), SCMP_SYS(keyctl), SCMP_SYS(request_key)};

// Allowed with these arguments only.
enum class For { all, daemon_only, runner_only };
struct Rule {
    For whom;
    int call;
    unsigned conditions;
    std::array<scmp_arg_cmp, 2> when;
};

constexpr scmp_arg_cmp is(unsigned argument, scmp_datum_t value) {
    return {argument, SCMP_CMP_EQ, value, 0};
}
constexpr scmp_arg_cmp has(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
    return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}
constexpr Rule rule(For whom, int call, scmp_arg_cmp one) {
    return {whom, call, 1, {one, {}}};
}
constexpr Rule rule(For whom, int call, scmp_arg_cmp one, scmp_arg_cmp two) {
    return {whom, call, 2, {one, two}};
}

constexpr scmp_datum_t namespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr Rule reading_rules[] = {
    rule(For::all, SCMP_SYS(mmap), has(2, PROT_EXEC, 0)),
    rule(For::all, SCMP_SYS(mprotect), has(2, PROT_EXEC, 0)),
    rule(For::all, SCMP_SYS(prctl), is(0, PR_SET_VMA)), // malloc names its arenas
    // fstat of glibc; that its path is empty a filter cannot see
    rule(For::all, SCMP_SYS(newfstatat), has(3, AT_EMPTY_PATH, AT_EMPTY_PATH)),
};

constexpr scmp_datum_t write_exec = PROT_WRITE | PROT_EXEC;

constexpr Rule rules[] = {
    rule(For::daemon_only, SCMP_SYS(clone), has(0, namespaces | CLONE_THREAD, CLONE_THREAD)),
    rule(For::runner_only, SCMP_SYS(clone), has(0, namespaces, 0)),
    // Memory is written or run, never both. Other people's programs may have compilers in them.
    rule(For::daemon_only, SCMP_SYS(mmap), has(2, write_exec, 0)),
    rule(For::daemon_only, SCMP_SYS(mmap), has(2, write_exec, PROT_WRITE)),
    rule(For::daemon_only, SCMP_SYS(mmap), has(2, write_exec, PROT_EXEC)),
    rule(For::daemon_only, SCMP_SYS(mprotect), has(2, write_exec, 0)),
    rule(For::daemon_only, SCMP_SYS(mprotect), has(2, write_exec, PROT_WRITE)),
    rule(For::daemon_only, SCMP_SYS(mprotect), has(2, write_exec, PROT_EXEC)),
    rule(For::all, SCMP_SYS(prlimit64), is(0, 0)), rule(For::all, SCMP_SYS(socket), is(0, AF_UNIX)),
    rule(For::all, SCMP_SYS(socket), is(0, AF_INET)), rule(For::all, SCMP_SYS(socket), is(0, AF_INET6)),
    rule(For::all, SCMP_SYS(socket), is(0, AF_NETLINK),
         is(2, NETLINK_ROUTE)), // getaddrinfo asks for addresses
    rule(For::all, SCMP_SYS(socketpair), is(0, AF_UNIX)), rule(For::all, SCMP_SYS(ioctl), is(1, FIONBIO)),
    rule(For::all, SCMP_SYS(ioctl), is(1, FIONREAD)), rule(For::all, SCMP_SYS(ioctl), is(1, FIOCLEX)),
    rule(For::all, SCMP_SYS(ioctl), is(1, TCGETS)), rule(For::all, SCMP_SYS(ioctl), is(1, TIOCGWINSZ)),
    rule(For::all, SCMP_SYS(ioctl), is(1, SIOCGIFINDEX)), // scopes of IPv6 addresses
    rule(For::all, SCMP_SYS(ioctl), is(1, SIOCGIFNAME)), rule(For::all, SCMP_SYS(prctl), is(0, PR_SET_NAME)),
    rule(For::all, SCMP_SYS(prctl), is(0, PR_GET_NAME)),
    rule(For::all, SCMP_SYS(prctl), is(0, PR_SET_PDEATHSIG)),
    rule(For::all, SCMP_SYS(prctl), is(0, PR_GET_DUMPABLE)),
    rule(For::all, SCMP_SYS(prctl), is(0, PR_CAPBSET_READ)), // libcap's constructor
    rule(For::all, SCMP_SYS(prctl), is(0, PR_SET_VMA)),      // malloc names its arenas
};

struct Releasing {
    void operator()(scmp_filter_ctx filter) const { ::seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Releasing>;

// Collects the first failure, as every step would have to be looked at.
class Building {
  public:
    explicit Building(scmp_filter_ctx filter) : filter_(filter) {
        keep(::seccomp_attr_set(filter_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
        keep(::seccomp_attr_set(filter_, SCMP_FLTATR_CTL_TSYNC, 1));
        keep(::seccomp_attr_set(filter_, SCMP_FLTATR_CTL_OPTIMIZE, 2));
    }
    void add(std::uint32_t action, std::span<const int> calls) {
        for (const int call : calls)
            keep(::seccomp_rule_add_array(filter_, action, call, 0, nullptr));
    }
    void add(const Rule& rule) {
        keep(::seccomp_rule_add_array(filter_, SCMP_ACT_ALLOW, rule.call, rule.conditions, rule.when.data()));
    }
    Result<> load() {
        if (error_ == 0)
            keep(::seccomp_load(filter_));
        return error_ == 0 ? Result<>() : fail_errno(error_, "filter system calls");
    }

  private:
    void keep(int returned) {
        if (error_ == 0 && returned < 0)
            error_ = -returned;
    }
    scmp_filter_ctx filter_;
    int error_ = 0;
};

struct FreeingCap {
    void operator()(cap_t set) const { ::cap_free(set); }
};

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

} // namespace

Result<> drop_capabilities() {
    TRY(shrink_bounds());
    const std::unique_ptr<std::remove_pointer_t<cap_t>, FreeingCap> none(::cap_init());
    if (!none || ::cap_set_proc(none.get()) != 0)
        return fail_errno(errno, "drop all capabilities");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail_errno(errno, "set no_new_privs");
    return {};
}

Result<> allow_daemon_calls(bool may_run) {
    const Filter filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
    if (!filter)
        return fail_errno(ENOMEM, "make a filter of system calls");
    Building building(filter.get());
    building.add(SCMP_ACT_ALLOW, allowed);
    building.add(SCMP_ACT_KILL_PROCESS, deadly);
    // Its flags are in memory, where a filter cannot look; with ENOSYS glibc and Go take clone.
    static constexpr int unseen[] = {SCMP_SYS(clone3)};
    building.add(SCMP_ACT_ERRNO(ENOSYS), unseen);
    if (may_run)
        building.add(SCMP_ACT_ALLOW, allowed_to_run);
    else {
        building.add(SCMP_ACT_KILL_PROCESS, deadly_unless_run);
        const auto self = static_cast<scmp_datum_t>(::getpid());
        building.add(rule(For::daemon_only, SCMP_SYS(tgkill), is(0, self))); // abort() in any thread
    }
    for (const Rule& rule : rules)
        if (rule.whom == For::all || (rule.whom == For::runner_only) == may_run)
            building.add(rule);
    return building.load();
}

Result<> allow_reading() {
    const Filter filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
    if (!filter)
        return fail_errno(ENOMEM, "make a filter of system calls");
    Building building(filter.get());
    building.add(SCMP_ACT_ALLOW, allowed_to_read);
    building.add(SCMP_ACT_KILL_PROCESS, deadly);
    building.add(SCMP_ACT_KILL_PROCESS, deadly_unless_run);
    for (const Rule& rule : reading_rules)
        building.add(rule);
    return building.load();
}

} // namespace lpm::node
