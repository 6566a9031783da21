// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdio>
#include <cstdlib>
#include <sys/random.h>
#include <time.h>

// Prints "NONCE VALUE" for ever, a line each `ms` milliseconds. The nonce exists in this process's memory
// only, so a line with the same nonce after a restore shows that the memory came back; values without a gap
// show that no step was lost or done twice.
[[noreturn]] inline void count_for_ever(long ms) {
    unsigned long nonce = 0;
    if (getrandom(&nonce, sizeof nonce, 0) != sizeof nonce)
        std::exit(1);
    const timespec pause{ms / 1000, ms % 1000 * 1'000'000};
    for (unsigned long value = 0;; ++value) {
        std::printf("%016lx %lu\n", nonce, value);
        std::fflush(stdout);
        nanosleep(&pause, nullptr);
    }
}
