// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Processes, and descriptors that name them.
#include "holder.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace holder {

static int sleeper() {
    const auto child = static_cast<int>(must(fork(), "fork"));
    while (child == 0)
        pause();
    return child;
}

// pidfd child | thread | reaped
static void hold_pidfd(const std::string& argument) {
    const unsigned thread = O_EXCL; // PIDFD_THREAD
    const int child = sleeper();
    must(syscall(SYS_pidfd_open, child, argument == "thread" ? thread : 0), "pidfd_open");
    if (argument == "reaped") {
        kill(child, SIGKILL);
        must(waitpid(child, nullptr, 0), "waitpid");
    } else if (argument != "child" && argument != "thread") {
        unknown(argument);
    }
}

// child traced | zombie | stopped | plain
static void hold_child(const std::string& argument) {
    const int child = sleeper();
    if (argument == "traced")
        must(ptrace(PTRACE_SEIZE, child, nullptr, nullptr), "ptrace");
    else if (argument == "zombie")
        kill(child, SIGKILL);
    else if (argument == "stopped")
        kill(child, SIGSTOP);
    else if (argument != "plain")
        unknown(argument);
}

// A process whose first thread has ended; the other one goes on.
static void* sleep_on(void*) {
    for (;;)
        pause();
}

// leader zombie | alive
static void hold_leader(const std::string& argument) {
    if (argument != "zombie" && argument != "alive")
        unknown(argument);
    if (must(fork(), "fork") != 0)
        return;
    pthread_t thread;
    if (pthread_create(&thread, nullptr, sleep_on, nullptr) != 0)
        std::_Exit(1);
    if (argument == "zombie")
        pthread_exit(nullptr);
    sleep_on(nullptr);
}

// A filter that lets everything pass.
static void hold_seccomp(const std::string&) {
    sock_filter allow[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    const sock_fprog program{1, allow};
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
}

// descriptors NUMBER: spread over processes, as each has a limit.
static void hold_descriptors(const std::string& argument) {
    constexpr int each = 900;
    for (int i = 0; i < each; ++i)
        must(dup(1), "dup");
    for (int more = std::stoi(argument) - each; more > 0; more -= each)
        sleeper();
}

// threads COUNT: so many beside the first
static void hold_threads(const std::string& count) {
    for (int i = std::atoi(count.c_str()); i > 0; --i) {
        pthread_t thread;
        if (pthread_create(&thread, nullptr, sleep_on, nullptr) != 0)
            std::_Exit(1);
    }
}

static std::atomic<bool> done = false; // by a thread

// thread files | folder | cpus | child | like: a second thread that has this for itself, or nothing
static void* apart(void* argument) {
    const std::string& what = *static_cast<const std::string*>(argument);
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    if (what == "files")
        must(unshare(CLONE_FILES), "unshare");
    else if (what == "folder")
        must(unshare(CLONE_FS), "unshare");
    else if (what == "cpus")
        must(sched_setaffinity(0, sizeof first, &first), "sched_setaffinity");
    else if (what == "child")
        (void)sleeper();
    else if (what != "like")
        unknown(what);
    if (what == "folder")
        must(chdir("/tmp"), "chdir");
    if (what == "files")
        must(dup2(1, 77), "dup2");
    done = true;
    return sleep_on(nullptr);
}

static void hold_thread(const std::string& argument) {
    static std::string what;
    what = argument;
    pthread_t thread;
    if (pthread_create(&thread, nullptr, apart, &what) != 0)
        std::_Exit(1);
    while (!done)
        usleep(1000);
}

// cpus first | all: a child that may run on the first CPU only, or on any
static void hold_cpus(const std::string& argument) {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    const int child = sleeper();
    if (argument == "first")
        must(sched_setaffinity(child, sizeof first, &first), "sched_setaffinity");
    else if (argument != "all")
        unknown(argument);
}

// terminal leader | child: a session on a pseudo terminal, with a child or without
static void hold_terminal(const std::string& argument) {
    const int master = static_cast<int>(must(posix_openpt(O_RDWR | O_NOCTTY), "posix_openpt"));
    must(grantpt(master), "grantpt");
    must(unlockpt(master), "unlockpt");
    int ready[2];
    must(pipe(ready), "pipe");
    if (must(fork(), "fork") == 0) {
        must(setsid(), "setsid");
        must(open(ptsname(master), O_RDWR), "open the terminal");
        if (argument == "child")
            (void)sleeper();
        else if (argument != "leader")
            unknown(argument);
        must(write(ready[1], "x", 1), "write");
        for (;;)
            pause();
    }
    char said = 0;
    must(read(ready[0], &said, 1), "read");
}

// What a tracing tool puts a probe on. The kernel runs its first instruction out of line, on a page that it
// maps for that; calls, jumps, pushes and nops it only imitates.
extern "C" int probed(int value);
#if defined(__x86_64__)
asm("probed: lea 1(%rdi), %eax\n ret\n");
#elif defined(__aarch64__)
asm("probed: add w0, w0, 1\n ret\n");
#endif

// probed: a child calls a function again and again; /tmp/probed has the function's place in the program's
// file
static void hold_probed(const std::string&) {
    const auto at = reinterpret_cast<unsigned long>(&probed);
    unsigned long from = 0, to = 0, offset = 0;
    std::FILE* maps = std::fopen("/proc/self/maps", "r");
    for (char line[4096]; maps != nullptr && std::fgets(line, sizeof line, maps) != nullptr;)
        if (std::sscanf(line, "%lx-%lx %*s %lx", &from, &to, &offset) == 3 && from <= at && at < to)
            break;
    std::FILE* told = std::fopen("/tmp/probed", "w");
    must(told != nullptr ? std::fprintf(told, "%lu\n", at - from + offset) : -1, "/tmp/probed");
    std::fclose(told);
    if (must(fork(), "fork") != 0)
        return;
    for (int value = 0;; value = probed(value))
        usleep(20'000);
}

// vfork: a child that waits for a child which shares its memory and does not go on
static void hold_vfork(const std::string&) {
    if (must(fork(), "fork") != 0)
        return;
    if (vfork() == 0)
        for (;;)
            pause();
    std::_Exit(0);
}

// clone vm | plain: a child that shares the parent's memory, and does not keep it waiting
static void hold_clone(const std::string& argument) {
    static char stack[65536] __attribute__((aligned(16)));
    must(clone(
             [](void*) -> int {
                 for (;;)
                     pause();
             },
             stack + sizeof stack, SIGCHLD | (argument == "vm" ? CLONE_VM : 0), nullptr),
         "clone");
}

static constexpr Case cases[] = {
    {"vfork", hold_vfork},     {"clone", hold_clone},
    {"pidfd", hold_pidfd},     {"child", hold_child},
    {"leader", hold_leader},   {"threads", hold_threads},
    {"seccomp", hold_seccomp}, {"descriptors", hold_descriptors},
    {"probed", hold_probed},   {"thread", hold_thread},
    {"cpus", hold_cpus},       {"terminal", hold_terminal},
};
const std::span<const Case> processes = cases;

} // namespace holder
