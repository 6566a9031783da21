// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// front_bench BATCHES LIMIT: what lpm-runc adds to a call, over what a static C trampoline adds. Three ways
// to the same program take turns, so that the machine's mood is the same for all, and the quietest batch of
// 200 rounds counts: on a busy machine all three cost twice as much, and the difference drowns. Fails above
// LIMIT.
#include "harness.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <vector>

using namespace lpm::test;

namespace {

double spawn_ms(const char* program) {
    const char* const argv[] = {program, "--root",           "/run/runc", "--systemd-cgroup",
                                "state", "0123456789abcdef", nullptr};
    const char* const envp[] = {"PATH=/usr/sbin:/usr/bin", nullptr};
    timespec start{};
    timespec end{};
    pid_t pid = 0;
    int status = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    const int failed =
        posix_spawn(&pid, program, nullptr, nullptr, const_cast<char**>(argv), const_cast<char**>(envp));
    if (failed != 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        std::fprintf(stderr, "front_bench: %s did not run\n", program);
        std::exit(1);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    return static_cast<double>(end.tv_sec - start.tv_sec) * 1e3 +
           static_cast<double>(end.tv_nsec - start.tv_nsec) / 1e6;
}

double middle(std::vector<double>& values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                     values.end());
    return values[values.size() / 2];
}

struct Costs {
    double alone, trampoline, front; // p50; the latter two are what they add
    [[nodiscard]] double ratio() const { return front / trampoline; }
};

Costs measure(const std::array<const char*, 3>& ways) {
    constexpr std::size_t rounds = 200;
    std::array<std::vector<double>, 3> times;
    for (std::size_t round = 0; round < rounds; ++round)
        for (std::size_t i = 0; i < ways.size(); ++i) {
            const std::size_t way = (i + round) % ways.size(); // nobody is always first
            times[way].push_back(spawn_ms(ways[way]));
        }
    const double alone = middle(times[0]);
    return {.alone = alone, .trampoline = middle(times[1]) - alone, .front = middle(times[2]) - alone};
}

} // namespace

int main(int argc, char** argv) {
    const int batches = argc > 1 ? std::atoi(argv[1]) : 5;
    const double limit = argc > 2 ? std::atof(argv[2]) : 0.4;
    enter_private_world();
    link_to(built("bench/nothing"), "/run/bench-runtime");
    link_to("/run/bench-runtime", "/etc/lpm/runtime");
    const std::string trampoline = built("bench/trampoline");
    const std::array<const char*, 3> ways = {"/run/bench-runtime", trampoline.c_str(), "/etc/lpm/bin/runc"};
    for (const char* way : ways)
        spawn_ms(way); // into the page cache
    Costs best = measure(ways);
    for (int batch = 1; batch < batches; ++batch)
        if (const Costs costs = measure(ways); costs.alone < best.alone)
            best = costs;
    std::printf("front: a call %.3f ms, through a C trampoline +%.3f, through lpm-runc +%.3f: ratio %.2f, "
                "limit %.2f\n",
                best.alone, best.trampoline, best.front, best.ratio(), limit);
    return best.trampoline > 0 && best.ratio() <= limit ? 0 : 1;
}
