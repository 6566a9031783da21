// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// A bad wrapper, on purpose: changes the one thing that /run/fake-runc/perturb names and then runs the
// program whose path is on the second line. The transparency tests must notice each of them.
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace {

using Change = void (*)();

void blocked() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, nullptr);
}

void limited() {
    rlimit limit{};
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = 4U << 20;
    setrlimit(RLIMIT_STACK, &limit);
}

void timed() {
    const itimerval hour{.it_interval = {}, .it_value = {.tv_sec = 3600, .tv_usec = 0}};
    setitimer(ITIMER_REAL, &hour, nullptr);
}

void pinned() {
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) {
            CPU_ZERO(&set);
            CPU_SET(cpu, &set);
            break;
        }
    sched_setaffinity(0, sizeof set, &set);
}

void batch() {
    const sched_param parameter{};
    sched_setscheduler(0, SCHED_BATCH, &parameter);
}

void grouped() {
    const gid_t group = 12;
    setgroups(1, &group);
}

void score() {
    std::ofstream("/proc/self/oom_score_adj") << 333;
}

void read_a_byte() {
    char byte = 0;
    if (read(0, &byte, 1) != 1)
        _exit(96);
}

void pending() {
    blocked();
    raise(SIGUSR2);
}

const struct {
    const char* name;
    Change change;
} changes[] = {
    {"env-added", [] { setenv("LPM_WAS_HERE", "1", 1); }},
    {"env-removed", [] { unsetenv("HOME"); }},
    {"env-changed", [] { setenv("HOME", "/elsewhere", 1); }},
    {"cwd", [] { [[maybe_unused]] const int rc = chdir("/usr"); }},
    {"umask", [] { umask(077); }},
    {"mask", blocked},
    {"pending", pending},
    {"ignored", [] { std::signal(SIGUSR2, SIG_IGN); }},
    {"not-ignored", [] { std::signal(SIGPIPE, SIG_DFL); }},
    {"rlimit", limited},
    {"fd-opened", [] { open("/dev/zero", O_RDONLY); }},
    {"fd-closed", [] { close(5); }},
    {"fd-flags", [] { fcntl(5, F_SETFL, O_NONBLOCK); }},
    {"fd-moved", [] { dup2(5, 6); }},
    {"fd-offset", [] { lseek(5, 7, SEEK_SET); }},
    {"stdin-closed", [] { close(0); }},
    {"stdin-read", read_a_byte},
    {"session", [] { setsid(); }},
    {"pdeathsig", [] { prctl(PR_SET_PDEATHSIG, SIGHUP); }},
    {"no-pdeathsig", [] { prctl(PR_SET_PDEATHSIG, 0); }},
    {"no-new-privs", [] { prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }},
    {"subreaper", [] { prctl(PR_SET_CHILD_SUBREAPER, 1); }},
    {"timerslack", [] { prctl(PR_SET_TIMERSLACK, 77777); }},
    {"securebits", [] { prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP); }},
    {"bounding-set", [] { prctl(PR_CAPBSET_DROP, CAP_SYS_TIME); }},
    {"personality", [] { personality(ADDR_NO_RANDOMIZE); }},
    {"nice", [] { setpriority(PRIO_PROCESS, 0, 15); }},
    {"scheduler", batch},
    {"affinity", pinned},
    {"ioprio", [] { syscall(SYS_ioprio_set, 1, 0, 3 << 13); }},
    {"itimer", timed},
    {"oom", score},
    {"groups", grouped},
    {"network", [] { unshare(CLONE_NEWNET); }},
    {"stdout", [] { [[maybe_unused]] const ssize_t n = write(1, "!", 1); }},
    {"stderr", [] { [[maybe_unused]] const ssize_t n = write(2, "!", 1); }},
};

// Runs the runtime in a child, as a wrapper that waits does; gives on another end than the child's if asked.
[[noreturn]] void fork_and_wait(const char* program, char** argv, const std::string& what) {
    const pid_t child = fork();
    if (child == 0) {
        execve(program, argv, environ);
        _exit(97);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (what == "exit")
        _exit(WEXITSTATUS(status) + 1);
    _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

} // namespace

int main(int, char** argv) {
    std::string what;
    std::string program;
    std::ifstream order("/run/fake-runc/perturb");
    std::getline(order, what);
    std::getline(order, program);
    order.close(); // it must not be one change more
    argv[0] = program.data();
    if (what == "pid" || what == "exit" || what == "signal")
        fork_and_wait(program.c_str(), argv, what);
    if (what == "argv-changed")
        argv[1][0] = 'X';
    if (what == "argv-removed")
        argv[2] = nullptr;
    if (what == "argv-0")
        argv[0] = argv[1];
    for (const auto& entry : changes)
        if (what == entry.name)
            entry.change();
    execve(program.c_str(), argv, environ);
    return 97;
}
