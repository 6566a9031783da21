// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// hold PROCESSES DESCRIPTORS: as many processes, each with as many descriptors: a third files, a third pipes,
// a third unix sockets. Prints "ready" and stays. Stands for a container in bench/checks.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void fill(int descriptors) {
    const rlimit room{static_cast<rlim_t>(descriptors) + 64, static_cast<rlim_t>(descriptors) + 64};
    (void)setrlimit(RLIMIT_NOFILE, &room);
    std::array<int, 2> pair{};
    for (int i = 0; i < descriptors; i += 6) {
        for (int file = 0; file < 2; ++file)
            if (open("/etc/passwd", O_RDONLY) < 0)
                std::exit(1);
        if (pipe(pair.data()) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()) != 0)
            std::exit(1);
    }
}

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    const int processes = std::atoi(argv[1]);
    std::array<int, 2> done{};
    if (pipe(done.data()) != 0)
        return 1;
    for (int i = 1; i < processes; ++i)
        if (fork() == 0) {
            fill(std::atoi(argv[2]));
            (void)!write(done[1], "x", 1);
            for (;;)
                pause();
        }
    fill(std::atoi(argv[2]));
    char byte = 0;
    for (int i = 1; i < processes; ++i)
        if (read(done[0], &byte, 1) != 1)
            return 1;
    std::puts("ready");
    std::fflush(stdout);
    for (;;)
        pause();
}
