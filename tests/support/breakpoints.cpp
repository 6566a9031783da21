// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Exit 0 when hardware breakpoints work on this machine. Some virtual machines accept one and never stop
// there; CRIU before 4.2 then waits for ever, so test nodes have to know (tools/node-init).
#include <csignal>
#include <cstddef>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

[[gnu::noinline]] static void place() {
    asm volatile("nop");
}

int main() {
#ifdef __x86_64__
    const pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        place();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ptrace(PTRACE_POKEUSER, child, offsetof(struct user, u_debugreg[0]), &place);
    ptrace(PTRACE_POKEUSER, child, offsetof(struct user, u_debugreg[7]), 1);
    ptrace(PTRACE_CONT, child, nullptr, nullptr);
    waitpid(child, &status, 0);
    const bool hit = WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
    kill(child, SIGKILL);
    return hit ? 0 : 1;
#else
    place();
    return 0;
#endif
}
