// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// The peer in bench/front: the least that a wrapper written in plain C does. Static, like lpm-runc.
#include <unistd.h>

int main(int, char** argv, char** envp) {
    argv[0] = const_cast<char*>("/run/bench-runtime");
    execve(argv[0], argv, envp);
    return 127;
}
