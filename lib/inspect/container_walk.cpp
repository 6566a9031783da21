// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/container_walk.hpp"

#include <algorithm>
#include <array>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>
#include <utility>

#include "linux/procfs.hpp"
#include "linux/threads.hpp"

namespace lpm::inspect {

void Found::add(Holder&& one) {
    if (count++ == 0 || one.bytes > holder.bytes)
        holder = std::move(one);
}

namespace {

constexpr int seccomp_filter_mode = 2; // of "Seccomp:" in status; SECCOMP_MODE_FILTER

// CRIU restores one of each per container; a process in another one is "nested". Mount namespaces it can
// nest.
constexpr std::array namespaces{"pid", "user", "uts", "ipc", "net", "cgroup", "time_for_children"};
using Namespaces = std::array<ino_t, namespaces.size()>;

// 0: the process has ended, the kernel has none of the kind, or it cannot be read, which is noted.
ino_t read_namespace(Walk& walk, pid_t pid, std::string_view kind) {
    const auto inode = procfs::read_namespace(pid, kind);
    if (!inode)
        note_unread(walk.workload.gap, inode.error());
    return inode.value_or(0);
}

Namespaces read_namespaces(Walk& walk, pid_t pid) {
    Namespaces all{};
    for (std::size_t i = 0; i < namespaces.size(); ++i)
        all[i] = read_namespace(walk, pid, namespaces[i]);
    return all;
}

// Init is in the namespace of the caller.
bool is_shared(Walk& walk, std::string_view kind, ino_t of_caller) {
    const ino_t of_init = read_namespace(walk, walk.container.state->init, kind);
    if (of_init != 0 && of_caller == 0)
        note_unread(walk.workload.gap,
                    {Errc::unavailable, 0, "the namespaces of who runs the runtime cannot be read"});
    return of_init != 0 && of_init == of_caller;
}

void compare_namespaces(Walk& walk, const Process& process, const Namespaces& of_init) {
    const Namespaces own = read_namespaces(walk, process.pid);
    for (std::size_t i = 0; i < namespaces.size(); ++i)
        if (own[i] != 0 && of_init[i] != 0 && own[i] != of_init[i])
            walk.workload[Item::nested_namespace].add({process.pid, process.name, -1, namespaces[i]});
}

// As prlimit(2) compares: the caller's real ids, which CRIU will have, with all three of the process.
bool of_another_user(const procfs::Status& status, const Caller& caller) {
    if (!caller.uid || !caller.gid)
        return false;
    const procfs::Ids users{*caller.uid, *caller.uid, *caller.uid};
    const procfs::Ids groups{*caller.gid, *caller.gid, *caller.gid};
    return status.users != users || status.groups != groups;
}

// In a frozen cgroup v1 a process that a signal has stopped reads as all others do: R from Linux 6.1 on, D
// since 6.13 and where that was taken back (f718faf3940e). Where in the kernel it waits tells.
bool is_stopped(Walk& walk, pid_t pid, char state) {
    if (!walk.container.frozen || (state != 'D' && state != 'R'))
        return state == 'T';
    const auto waits_in = procfs::read_proc(pid, "wchan");
    if (!waits_in)
        note_unread(walk.workload.stops_gap, waits_in.error());
    // To whom it does not want to tell, and where it has no names of functions, the kernel says 0.
    else if (waits_in->empty() || *waits_in == "0")
        walk.workload.stops_gap = Gap{Gap::Why::stops_not_told};
    return waits_in && waits_in->starts_with("do_signal_stop"); // a compiler may add .isra.0
}

// What counts of a process for what it is, apart from what it holds.
void note_process(Walk& walk, const Process& process, const procfs::Status& status,
                  const procfs::Stat& stat) {
    Workload& found = walk.workload;
    if (status.tracer != 0)
        found[Item::traced].add(
            {process.pid, process.name, -1,
             "by " + name_of_process(status.tracer) + ", process " + std::to_string(status.tracer)});
    if (status.seccomp == seccomp_filter_mode)
        found[Item::seccomp_filter].add({process.pid, process.name});
    if (stat.state != 'Z' && of_another_user(status, walk.options.caller))
        found[Item::other_user].add({process.pid, process.name});
    if (is_stopped(walk, process.pid, stat.state))
        found[Item::stopped].add({process.pid, process.name});
    if (stat.state == 'Z' && status.threads > 1)
        found[Item::zombie_leader].add({process.pid, process.name});
    // CRIU gives the terminal of a session to its leader, when all processes are there (criu/tty.c).
    if (stat.state != 'Z' && stat.terminal != 0 && stat.session != process.pid)
        found[Item::lost_terminal].add({process.pid, process.name});
    if (stat.state != 'Z' && status.ns_sids.size() >= walk.depth && status.ns_sids[walk.depth - 1] == 0)
        found[Item::outside_session].add({process.pid, process.name});
}

using Stats = std::unordered_map<pid_t, procfs::Stat>;

// CRIU walks from init to its children. Orphans inside are adopted by init, so whoever has an ancestor that
// is no process of the container was put in from outside, and is in no image.
bool below_init(const Walk& walk, const Stats& stats, pid_t pid) {
    const pid_t init = walk.container.state->init;
    for (std::size_t steps = 0; pid != init && steps <= stats.size(); ++steps) {
        const auto at = stats.find(pid);
        if (at == stats.end()) // or it has ended since, and what it has left is init's now
            return walk.pids.contains(pid);
        pid = at->second.parent;
    }
    return pid == init;
}

// A child of vfork(2), until it has become another program, or one of clone(2) with CLONE_VM. CRIU takes one
// process for each memory only (criu/cr-dump.c, "Can't make VM id"), and in the former case does not get hold
// of the parent, which waits in the kernel. Those of another size have memory of their own.
void note_shared_memory(Walk& walk, const Process& process, const procfs::Stat& stat, const Stats& stats) {
    const auto parent = stats.find(stat.parent);
    if (process.init || stat.size == 0 || parent == stats.end() || parent->second.size != stat.size)
        return;
    const auto shared = share(process.pid, stat.parent, Shared::memory);
    if (!shared)
        return note_unread(walk.workload.shared_memory_gap, shared.error());
    if (!*shared)
        return;
    walk.in_vfork.insert(stat.parent);
    std::string with =
        "with process " + std::to_string(stat.parent) + " (" + name_of_process(stat.parent) + ")";
    if (const auto waits_in = procfs::read_proc(stat.parent, "wchan");
        parent->second.state == 'D' && waits_in && !waits_in->empty())
        with += ", which waits in " + *waits_in;
    walk.workload[Item::shared_memory].add({process.pid, process.name, -1, std::move(with)});
}

void walk_process(Walk& walk, const Process& process, const procfs::Status& status, const procfs::Stat& stat,
                  const Namespaces& of_init) {
    note_process(walk, process, status, stat);
    if (stat.state == 'Z' && status.threads <= 1)
        return; // holds nothing any more
    note_children(walk, process, process.pid);
    note_waiting(walk, process, process.pid, stat.state);
    if (!process.init)
        compare_namespaces(walk, process, of_init);
    note_affinity(walk, process, status);
    if (status.threads > 1 && stat.state != 'Z')
        walk_threads(walk, process);
    walk_descriptors(walk, process);
    walk_mappings(walk, process);
}

void walk_processes(Walk& walk, const std::vector<pid_t>& pids) {
    const pid_t init = walk.container.state->init;
    Stats stats;
    for (const pid_t pid : pids)
        if (const auto stat = procfs::read_stat(pid))
            stats.emplace(pid, *stat);
        else
            note_unread(walk.workload.gap, stat.error());
    const auto status_of_init = procfs::read_status(init);
    if (!status_of_init || status_of_init->ns_pids.empty()) {
        walk.workload.gap = Gap{Gap::Why::init_unreadable};
        return;
    }
    walk.depth = status_of_init->ns_pids.size();
    find_usual_cpus(walk, *status_of_init);
    const Namespaces of_init = read_namespaces(walk, init);
    walk.node_network = is_shared(walk, "net", walk.options.caller.network_namespace);
    walk.workload.node_ipc = is_shared(walk, "ipc", walk.options.caller.ipc_namespace);
    const ino_t mounts_of_init = read_namespace(walk, init, "mnt");
    MemoryUse sum;
    // In the order of their numbers: which one a message names does not change from try to try.
    std::vector<pid_t> in_order = pids;
    std::ranges::sort(in_order);
    for (const pid_t pid : in_order) {
        const auto at = stats.find(pid);
        if (at == stats.end())
            continue;
        const procfs::Stat& stat = at->second;
        if (walk.options.deadline.passed()) {
            walk.workload.gap = Gap{Gap::Why::processes};
            walk.over = true;
        }
        if (walk.over)
            return;
        const auto status = procfs::read_status(pid);
        if (!status) {
            note_unread(walk.workload.gap, status.error());
            continue;
        }
        const bool own_mounts = read_namespace(walk, pid, "mnt") != mounts_of_init;
        const Process process{pid, status->name, pid == init, own_mounts};
        if (!below_init(walk, stats, pid)) {
            walk.workload[Item::outside_init].add({pid, process.name});
            continue;
        }
        sum.private_bytes += status->memory.anon + status->memory.swap;
        sum.shared_bytes += status->memory.shmem;
        note_shared_memory(walk, process, stat, stats);
        walk_process(walk, process, *status, stat, of_init);
    }
    for (const auto& [inode, bytes] : walk.memfds)
        sum.file_bytes += bytes;
    if (!walk.workload.gap)
        walk.workload.memory = sum;
}

} // namespace

void note_unread(std::optional<Gap>& gap, const Error& error) {
    if (!gap && !procfs::is_gone(error))
        gap = Gap{Gap::Why::error, error.text};
}

std::string name_of_process(pid_t pid) {
    const auto status = procfs::read_status(pid);
    return status ? status->name : std::string("?");
}

std::optional<Workload> inspect_workload(const ContainerFacts& container, const WalkOptions& options) {
    const auto pids = oci::read_pids(*container.state, max_processes, options.deadline);
    if (!pids)
        return std::nullopt;
    Workload found;
    Walk walk{
        .container = container, .options = options, .workload = found, .pids = {pids->begin(), pids->end()}};
    walk.fuse = std::ranges::any_of(container.mounts, is_fuse);
    if (pids->size() >= max_processes)
        found.gap = Gap{Gap::Why::too_many_processes};
    else
        walk_processes(walk, *pids);
    note_foreign_terminals(walk);
    walk_sockets(walk);
    find_moved(walk);
    find_uninterruptible(walk);
    return found;
}

} // namespace lpm::inspect
