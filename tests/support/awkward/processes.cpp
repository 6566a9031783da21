// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Processes, and descriptors that name them.
#include "awkward.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace awkward {

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

static constexpr Case cases[] = {
    {"pidfd", hold_pidfd},     {"child", hold_child},     {"leader", hold_leader},
    {"threads", hold_threads}, {"seccomp", hold_seccomp}, {"descriptors", hold_descriptors},
};
const std::span<const Case> processes = cases;

} // namespace awkward
