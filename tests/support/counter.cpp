// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// counter [MS]: prints "NONCE VALUE" for ever. The nonce exists in this process's memory only, so a line
// with the same nonce after a restore shows that the memory came back; values without a gap show that
// no step was lost or done twice.
#include <cstdio>
#include <cstdlib>
#include <sys/random.h>
#include <time.h>

int main(int argc, char** argv) {
    unsigned long nonce = 0;
    if (getrandom(&nonce, sizeof nonce, 0) != sizeof nonce)
        return 1;
    const long ms = argc > 1 ? std::atol(argv[1]) : 100;
    const timespec pause{ms / 1000, ms % 1000 * 1'000'000};
    for (unsigned long value = 0;; ++value) {
        std::printf("%016lx %lu\n", nonce, value);
        std::fflush(stdout);
        nanosleep(&pause, nullptr);
    }
}
