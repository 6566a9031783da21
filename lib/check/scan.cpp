// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/scan.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <utility>

#include "base/procfs.hpp"

namespace lpm::check {

void Found::add(Holder&& one) {
    if (count++ == 0 || one.bytes > holder.bytes)
        holder = std::move(one);
}

namespace {

// CRIU restores one of each per container; a process in another one is "nested". Mount namespaces it can
// nest.
constexpr std::array namespaces{"pid", "user", "uts", "ipc", "net", "cgroup", "time_for_children"};
using Namespaces = std::array<ino_t, namespaces.size()>;

Namespaces namespaces_of(pid_t pid) {
    Namespaces all{};
    for (std::size_t i = 0; i < namespaces.size(); ++i) {
        struct stat st{};
        const std::string path = "/proc/" + std::to_string(pid) + "/ns/" + namespaces[i];
        if (::stat(path.c_str(), &st) == 0) // not there: the kernel has none of the kind
            all[i] = st.st_ino;
    }
    return all;
}

void compare_namespaces(Walk& walk, const Process& process, const Namespaces& of_init) {
    const Namespaces own = namespaces_of(process.pid);
    for (std::size_t i = 0; i < namespaces.size(); ++i)
        if (own[i] != 0 && of_init[i] != 0 && own[i] != of_init[i])
            walk.workload[Kind::nested_namespace].add({process.pid, process.name, -1, namespaces[i]});
}

std::string name_of_process(pid_t pid) {
    const auto status = procfs::read_status(pid);
    return status ? status->name : std::string("?");
}

// What is wrong with a process for what it is, apart from what it holds.
void judge_process(Walk& walk, const Process& process, const procfs::Status& status,
                   const procfs::Stat& stat) {
    Workload& found = walk.workload;
    if (status.tracer != 0)
        found[Kind::traced].add(
            {process.pid, process.name, -1,
             "by " + name_of_process(status.tracer) + ", process " + std::to_string(status.tracer)});
    if (stat.state == 'Z' && status.threads > 1)
        found[Kind::zombie_leader].add({process.pid, process.name, -1, {}});
    const pid_t init = walk.facts.state->init;
    // Orphans inside are adopted by init, so whoever has a parent outside was put in from outside.
    if (process.pid != init && !walk.pids.contains(stat.parent))
        found[Kind::outside_init].add({process.pid, process.name, -1, {}});
    else if (stat.state != 'Z' && !status.ns_sids.empty() && status.ns_sids.back() == 0)
        found[Kind::outside_session].add({process.pid, process.name, -1, {}});
    found.filters = found.filters || status.seccomp == 2;
}

void walk_process(Walk& walk, pid_t pid, const Namespaces& of_init, Memory& sum) {
    const auto status = procfs::read_status(pid);
    const auto stat = procfs::read_stat(pid);
    if (!status || !stat)
        return; // ended since
    const Process process{pid, status->name};
    ++walk.workload.processes;
    sum.private_bytes += status->memory.anon + status->memory.swap;
    sum.shared_bytes += status->memory.shmem;
    judge_process(walk, process, *status, *stat);
    if (stat->state == 'Z' && status->threads <= 1)
        return; // holds nothing any more
    if (pid != walk.facts.state->init)
        compare_namespaces(walk, process, of_init);
    walk_descriptors(walk, process);
    walk_mappings(walk, process);
}

} // namespace

Workload scan(const Facts& facts, const std::vector<pid_t>& pids, std::uint64_t ghost_limit) {
    Workload found;
    Walk walk{facts, *facts.deadline, found, {pids.begin(), pids.end()}, {}, {}, {}, ghost_limit};
    if (auto mounts = procfs::read_mountinfo(facts.state->init))
        found.mounts = *std::move(mounts);
    if (pids.size() >= max_processes)
        found.incomplete = "there are more than " + std::to_string(max_processes) + " processes";
    const Namespaces of_init = namespaces_of(facts.state->init);
    Memory sum;
    for (const pid_t pid : pids) {
        if (walk.deadline.passed())
            found.incomplete = "not all processes were looked at within the deadline";
        if (!found.incomplete.empty())
            break;
        walk_process(walk, pid, of_init, sum);
    }
    if (found.incomplete.empty())
        found.memory = sum;
    walk_sockets(walk);
    walk_locks(walk);
    return found;
}

} // namespace lpm::check
