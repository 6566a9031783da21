// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// First process of a pod: waits for its end, and reaps what the pod's containers leave where they share its
// processes.
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace {

void reap(int) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
}

void end(int) {
    _exit(0);
}

} // namespace

int main() {
    std::signal(SIGCHLD, reap);
    std::signal(SIGTERM, end);
    std::signal(SIGINT, end);
    for (;;)
        pause();
}
