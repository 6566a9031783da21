// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What a thread has for itself and CRIU brings back of its process only, and what it brings back of nobody.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <utility>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "inspect/container_walk.hpp"
#include "linux/procfs.hpp"
#include "linux/threads.hpp"

namespace lpm::inspect {

// Each costs some ten system calls.
static constexpr std::size_t max_threads = 5000;

namespace {

// Of the container's cgroup, as status has it; empty when it has no such controller, or where it lies cannot
// be told.
std::string read_cpuset(const oci::State& state) {
    constexpr std::string_view v1 = "/freezer/";
    std::string path = state.freezer;
    if (state.unified) {
        path += "/cpuset.cpus.effective";
    } else {
        const auto at = path.find(v1);
        if (at == std::string::npos)
            return {};
        path.replace(at, v1.size(), "/cpuset/").append("/cpuset.effective_cpus");
    }
    const auto text = read_file(AT_FDCWD, path, 65536);
    return text ? std::string(trim(*text)) : std::string();
}

void note_thread(Walk& walk, const Process& process, pid_t thread, const Affinity& of_process) {
    const auto note = [&](Item item) {
        walk.workload[item].add({process.pid, process.name, -1, "thread " + std::to_string(thread)});
    };
    for (const auto& [what, item] :
         {std::pair(Shared::files, Item::own_files), std::pair(Shared::fs, Item::own_fs)}) {
        const auto shared = share(process.pid, thread, what);
        if (!shared)
            note_unread(walk.workload.threads_gap, shared.error());
        else if (!*shared)
            note(item);
    }
    const auto cpus = read_affinity(thread);
    if (!cpus)
        note_unread(walk.workload.threads_gap, cpus.error());
    else if (*cpus != of_process)
        note(Item::own_cpus);
}

} // namespace

void find_usual_cpus(Walk& walk, const procfs::Status& of_init) {
    if (const auto caller = procfs::read_status(walk.options.caller.pid))
        walk.usual_cpus.push_back(caller->cpus);
    std::string cpuset = read_cpuset(*walk.container.state);
    if (cpuset.empty())
        cpuset = of_init.cpus;
    walk.usual_cpus.push_back(std::move(cpuset));
}

void note_affinity(Walk& walk, const Process& process, const procfs::Status& status) {
    if (!status.cpus.empty() && !std::ranges::contains(walk.usual_cpus, status.cpus))
        walk.workload[Item::own_cpus].add({process.pid, process.name, -1, "CPUs " + status.cpus});
}

// Some were not looked at.
static void leave_out(Walk& walk, const Gap& gap) {
    for (auto* of : {&walk.workload.threads_gap, &walk.workload.children_gap, &walk.workload.waiting_gap})
        if (!*of)
            *of = gap;
}

static void leave_out(Walk& walk, const Error& error) {
    if (!procfs::is_gone(error))
        leave_out(walk, Gap{Gap::Why::error, error.text});
}

void walk_threads(Walk& walk, const Process& process) {
    const auto of_process = read_affinity(process.pid);
    if (!of_process)
        return leave_out(walk, of_process.error());
    const std::string folder = "/proc/" + std::to_string(process.pid) + "/task";
    const bool opened = each_entry(folder, [&](int, const dirent& entry) {
        const auto thread = to_number<pid_t>(entry.d_name);
        if (!thread || *thread == process.pid)
            return true;
        ++walk.threads;
        if (walk.threads > max_threads || (walk.threads % 256 == 0 && walk.options.deadline.passed())) {
            leave_out(walk, Gap{Gap::Why::processes});
            return false;
        }
        note_thread(walk, process, *thread, *of_process);
        note_children(walk, process, *thread);
        if (walk.container.frozen) // see note_waiting
            return true;
        if (const auto stat = procfs::read_stat(*thread))
            note_waiting(walk, process, *thread, stat->state);
        else
            note_unread(walk.workload.waiting_gap, stat.error());
        return true;
    });
    if (!opened)
        leave_out(walk, fail_errno(errno, "open " + folder).error());
}

} // namespace lpm::inspect
