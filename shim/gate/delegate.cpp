// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "delegate.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/decimal.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "oci/runtime.hpp"

namespace lpm::gate {

namespace {

// As this process got them, for every child: the first one changes them here.
struct Inherited {
    sigset_t mask{};
    struct sigaction child_action{};
};

// Everything that the child needs, made before it exists: it shares our memory until it executes, so it may
// call nothing but the kernel.
struct Plan {
    const char* path = nullptr;
    char** argv = nullptr;
    char** environment = nullptr;
    char* listen_pid = nullptr; // where the digits of LISTEN_PID go; nullptr when it is not for us
    int death_signal = 0;
    pid_t parent = 0;
    const Inherited* inherited = nullptr;
    int error = 0; // written by the child: errno of execve
};

[[noreturn]] void child(Plan& plan) {
    if (plan.death_signal != 0) {
        ::prctl(PR_SET_PDEATHSIG, plan.death_signal);
        // The parent may have died before that line; then the signal never comes.
        if (::getppid() != plan.parent)
            ::_exit(1);
    }
    if (plan.listen_pid != nullptr)
        plan.listen_pid[write_decimal(static_cast<unsigned long>(::getpid()), plan.listen_pid)] = '\0';
    ::sigaction(SIGCHLD, &plan.inherited->child_action, nullptr);
    ::sigprocmask(SIG_SETMASK, &plan.inherited->mask, nullptr);
    ::execve(plan.path, plan.argv, plan.environment);
    plan.error = errno;
    ::_exit(1);
}

// All that can be sent on: not what stops or continues a job, which reaches the child by itself, and not what
// a fault of our own raises. A foreground restore hands them to the container, as runc does.
sigset_t forwarded() {
    sigset_t signals;
    sigfillset(&signals);
    for (const int signal : {SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGSEGV, SIGBUS, SIGILL,
                             SIGFPE, SIGTRAP, SIGABRT, SIGSYS, SIGURG})
        sigdelset(&signals, signal);
    return signals;
}

// Asked for once: it reads /proc for each ancestor, and a call looks for the runtime twice.
oci::Loop loop_of_forks() {
    static const oci::Loop loop = std::max(oci::exec_loop(), oci::fork_loop());
    return loop;
}

// The environment with a LISTEN_PID of our own in place of the caller's, if it named this process.
std::vector<char*> with_listen_pid(char** environment, std::string& slot, Plan& plan) {
    std::vector<char*> copy;
    const std::string ours = "LISTEN_PID=" + std::to_string(::getpid());
    for (char** entry = environment; *entry != nullptr; ++entry) {
        copy.push_back(*entry);
        if (ours != *entry)
            continue;
        slot = "LISTEN_PID=" + std::string(12, '\0');
        copy.back() = slot.data();
        plan.listen_pid = slot.data() + slot.find('=') + 1;
    }
    copy.push_back(nullptr);
    return copy;
}

const Inherited& take_signals(const sigset_t& signals) {
    static const Inherited inherited = [&] {
        Inherited found;
        // With SIGCHLD ignored, the kernel would reap the child and its status would be lost.
        struct sigaction standard{};
        standard.sa_handler = SIG_DFL;
        ::sigaction(SIGCHLD, &standard, &found.child_action);
        ::sigprocmask(SIG_BLOCK, &signals, &found.mask);
        return found;
    }();
    return inherited;
}

} // namespace

// Kept out of line: after vfork the child runs on the parent's stack frame, which must not change under it.
[[gnu::noinline]] static pid_t start(Plan& plan) {
    const pid_t pid = ::vfork(); // NOLINT: posix_spawn cannot set PDEATHSIG or write the child's own pid
    if (pid == 0)
        child(plan);
    return pid;
}

// For want of memory the child is not given up, and not run a second time.
static void run_quietly(const std::function<void(pid_t)>& work, pid_t pid) {
    try {
        work(pid);
    } catch (...) { // NOLINT(bugprone-empty-catch)
    }
}

static Ended wait_for(pid_t pid, const sigset_t& signals, const std::function<void(pid_t)>& each_second) {
    // SIGCHLD comes once: should the look at the child fail then, there is another one.
    constexpr timespec patience{1, 0};
    for (;;) {
        siginfo_t info{};
        const int signal = ::sigtimedwait(&signals, &info, &patience);
        // A terminal signals the whole process group, the child with us.
        if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
            ::kill(pid, signal);
        int status = 0;
        if (::waitpid(pid, &status, WNOHANG) != pid) {
            if (signal < 0)
                run_quietly(each_second, pid);
            continue;
        }
        if (WIFEXITED(status))
            return {.exit_status = WEXITSTATUS(status), .signal = 0};
        if (WIFSIGNALED(status))
            return {.exit_status = 0, .signal = WTERMSIG(status)};
    }
}

Result<Ended> run_runtime(std::vector<const char*> argv, char** environment, const Work& work) {
    Plan plan;
    std::string slot;
    std::vector<char*> variables = with_listen_pid(environment, slot, plan);
    plan.argv = const_cast<char**>(argv.data());
    plan.environment = variables.data();
    plan.parent = ::getpid();
    ::prctl(PR_GET_PDEATHSIG, &plan.death_signal);

    const sigset_t signals = forwarded();
    plan.inherited = &take_signals(signals);

    oci::RuntimePath at{};
    while (oci::next_runtime(at, loop_of_forks())) {
        plan.path = at.text;
        argv.front() = at.text;
        plan.error = 0;
        const pid_t pid = start(plan);
        if (pid < 0)
            return fail_errno(errno, std::string("start ") + at.text);
        if (plan.error == 0)
            run_quietly(work.once, pid);
        const Ended ended = wait_for(pid, signals, work.each_second);
        if (plan.error == 0)
            return ended;
        if (!oci::may_try_next(-plan.error))
            return fail_errno(plan.error, std::string("execute ") + at.text);
    }
    return fail(Errc::absent,
                std::string("no container runtime to run: ") +
                    (at.circle ? std::string(paths::configured_runtime) + " leads back to lpm-runc, " : "") +
                    "point " + paths::configured_runtime + " at the runc that is built with CRIU");
}

void end_like(const Ended& child) {
    if (child.signal == 0)
        ::_exit(child.exit_status);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    ::sigaction(child.signal, &standard, nullptr);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, child.signal);
    ::sigprocmask(SIG_UNBLOCK, &one, nullptr);
    ::kill(::getpid(), child.signal);
    ::_exit(128 + child.signal);
}

void become_runtime(char** argv, char** environment) {
    oci::RuntimePath at{};
    // As the front does, which it stands in for: it may well run below another gate, whose hook deletes.
    const oci::Loop loop = oci::exec_loop();
    while (oci::next_runtime(at, loop)) {
        argv[0] = at.text;
        ::execve(at.text, argv, environment);
        if (!oci::may_try_next(-errno))
            break;
    }
}

std::string runtime_path() {
    return oci::runtime_path(loop_of_forks());
}

} // namespace lpm::gate
