// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// workers PROCESSES THREADS: each thread of each process counts for itself under its own random nonce and
// sends "PROCESS THREAD NONCE VALUE" through a pipe to the first process, which prints it. Processes,
// threads, pipes and memory that they share must all come back for the counts to go on.
// workers memory MIB [CHILDREN]: fills that much memory with random words, forks children who share it, then
// prints the words' checksum for ever.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <sys/mman.h>
#include <sys/random.h>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

void rest(long ms) {
    const timespec pause{ms / 1000, ms % 1000 * 1'000'000};
    nanosleep(&pause, nullptr);
}

std::uint64_t random_word() {
    std::uint64_t word = 0;
    while (getrandom(&word, sizeof word, 0) != sizeof word) {
    }
    return word;
}

void count(int process, int thread, int out, std::atomic<std::uint64_t>& total) {
    const auto nonce = random_word();
    for (std::uint64_t value = 0;; ++value) {
        char line[128];
        // total: memory shared between the processes; it only ever grows
        const int n = std::snprintf(line, sizeof line, "%d %d %016lx %lu %lu\n", process, thread, nonce,
                                    value, ++total);
        if (write(out, line, static_cast<std::size_t>(n)) != n) // shorter than PIPE_BUF: never torn
            std::_Exit(1);
        rest(100);
    }
}

int run_workers(int processes, int threads) {
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int ends[2];
    if (page == MAP_FAILED || pipe(ends) != 0)
        return 1;
    auto& total = *new (page) std::atomic<std::uint64_t>(0);
    for (int p = 0; p < processes; ++p) {
        if (fork() != 0)
            continue;
        close(ends[0]);
        std::vector<std::jthread> all;
        for (int t = 0; t < threads; ++t)
            all.emplace_back([=, &total] { count(p, t, ends[1], total); });
        all.clear();
        return 0;
    }
    char buffer[4096];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
        if (write(STDOUT_FILENO, buffer, static_cast<std::size_t>(n)) != n)
            return 1;
    return 1;
}

int hold_memory(std::size_t mib, int children) {
    std::vector<std::uint64_t> words(mib << 17);
    auto x = random_word() | 1;
    for (auto& word : words) { // xorshift: no two pages alike, so nothing can be dropped or shared
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        word = x;
    }
    while (children-- > 0)
        if (fork() == 0)
            for (;;)
                pause();
    for (unsigned long round = 0;; ++round) {
        std::uint64_t sum = 0;
        for (const auto word : words)
            sum = sum * 31 + word;
        std::printf("%016lx %lu\n", sum, round);
        std::fflush(stdout);
        rest(200);
    }
}

} // namespace

int main(int argc, char** argv) {
    if ((argc == 3 || argc == 4) && std::string_view(argv[1]) == "memory")
        return hold_memory(static_cast<std::size_t>(std::atol(argv[2])), argc == 4 ? std::atoi(argv[3]) : 0);
    if (argc == 3)
        return run_workers(std::atoi(argv[1]), std::atoi(argv[2]));
    return 2;
}
