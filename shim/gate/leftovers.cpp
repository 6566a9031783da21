// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "leftovers.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "linux/procfs.hpp"
#include "linux/procmaps.hpp"
#include "linux/sockdiag.hpp"
#include "oci/cgroup.hpp"

namespace lpm::gate {

static constexpr std::size_t max_descriptors = 4096;
static constexpr std::size_t max_children = 65536; // bytes of their numbers
static constexpr std::string_view criu = "criu";   // what CRIU's processes are called, helpers among them

static bool has_open(pid_t pid, const struct stat& file) {
    bool found = false;
    std::size_t seen = 0;
    each_entry("/proc/" + std::to_string(pid) + "/fd", [&](int dir, const dirent& entry) {
        struct stat st{};
        found =
            ::fstatat(dir, entry.d_name, &st, 0) == 0 && st.st_dev == file.st_dev && st.st_ino == file.st_ino;
        return !found && ++seen < max_descriptors;
    });
    return found;
}

// What CRIU is making in a PID namespace of its own is called so as well, and has the log open.
static bool is_criu(pid_t pid) {
    const auto status = procfs::read_status(pid);
    return status && status->name.starts_with(criu) && status->state != 'Z' && status->ns_pids.size() < 2;
}

Running find_criu(const struct stat& log) {
    Running running;
    each_entry("/proc", [&](int, const dirent& entry) {
        if (const auto pid = to_number<pid_t>(entry.d_name); pid && is_criu(*pid))
            (has_open(*pid, log) ? running.ours : running.other) = *pid;
        return true;
    });
    return running;
}

DeadChildren find_dead_children(pid_t runtime) {
    DeadChildren dead;
    const std::string tasks = "/proc/" + std::to_string(runtime) + "/task";
    each_entry(tasks, [&](int dir, const dirent& task) {
        const auto children = read_file(dir, std::string(task.d_name) + "/children", max_children);
        std::string_view rest = children ? std::string_view(*children) : std::string_view();
        while (const auto pid = to_number<pid_t>(next_word(rest))) {
            const auto status = procfs::read_status(*pid);
            if (!status || status->state != 'Z')
                continue;
            if (status->ns_pids.size() < 2)
                dead.criu = dead.criu || status->name.starts_with(criu);
            else
                dead.first = dead.first || status->ns_pids.back() == 1;
        }
        return true;
    });
    return dead;
}

// The code that CRIU runs inside of a process lies in a memfd of this name. When CRIU dies, that code hands
// the process back to itself and stays where it is.
static bool is_infected(pid_t pid) {
    const auto maps = procfs::read_proc(pid, "maps");
    if (!maps)
        return false;
    std::string_view rest = *maps;
    while (const auto mapping = procfs::next_mapping(rest))
        if (mapping->path.starts_with("/memfd:CRIUMFD"))
            return true;
    return false;
}

static std::string name_of(pid_t pid, const procfs::Status& status) {
    return std::to_string(pid) + " (" + one_line(status.name, 64) + ")";
}

TaskLeftovers look_at_tasks(const std::vector<pid_t>& pids, bool cut) {
    TaskLeftovers found;
    for (const pid_t pid : pids) {
        const auto status = procfs::read_status(pid);
        if (!status || status->state == 'Z')
            continue;
        const std::string name = name_of(pid, *status);
        const auto tracer = status->tracer != 0 ? procfs::read_status(status->tracer) : status;
        if (status->tracer != 0 && tracer && tracer->name.starts_with(criu))
            found.traced.push_back(name + " by " + std::to_string(status->tracer));
        if (status->state == 'T')
            found.stopped.push_back(name);
        if (cut && is_infected(pid))
            found.infected.push_back(name);
    }
    return found;
}

bool is_ancestor(pid_t pid) {
    constexpr int max_ancestors = 64;
    pid_t at = ::getpid();
    for (int i = 0; at > 0 && at != pid && i < max_ancestors; ++i) {
        const auto stat = procfs::read_stat(at);
        at = stat ? stat->parent : 0;
    }
    return at > 0 && at == pid;
}

bool has_made(const Delegate& delegate, pid_t pid) {
    const auto stat = procfs::read_stat(pid);
    return delegate.start != 0 && stat && !stat->ended() && stat->start >= delegate.start &&
           (stat->parent == delegate.pid || is_ancestor(stat->parent));
}

static std::optional<Orphan> orphan_at(pid_t pid, std::string_view cgroups_path, std::string_view id,
                                       const Delegate& delegate) {
    // First: what is read then is of the process that it holds, or of one that is not killed.
    auto handle = open_pidfd(pid);
    if (!handle || !has_made(delegate, pid))
        return std::nullopt;
    const auto status = procfs::read_status(pid);
    if (!status || status->ns_pids.size() < 2 || status->ns_pids.back() != 1)
        return std::nullopt;
    const auto cgroup = procfs::read_proc(pid, "cgroup");
    if (!cgroup || !oci::in_cgroup_of(*cgroup, cgroups_path, id))
        return std::nullopt;
    return Orphan{pid, name_of(pid, *status), *std::move(handle)};
}

std::vector<Orphan> find_orphans(std::string_view cgroups_path, std::string_view id,
                                 const Delegate& delegate) {
    std::vector<Orphan> found;
    each_entry("/proc", [&](int, const dirent& entry) {
        if (const auto pid = to_number<pid_t>(entry.d_name))
            if (auto orphan = orphan_at(*pid, cgroups_path, id, delegate))
                found.push_back(*std::move(orphan));
        return true;
    });
    return found;
}

bool end_process(const Fd& handle) {
    constexpr int patience_ms = 1000;
    if (::syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0) != 0)
        return errno == ESRCH;
    pollfd end{handle.get(), POLLIN, 0};
    return ::poll(&end, 1, patience_ms) == 1;
}

std::vector<std::string> end_criu(const struct stat& log, const Delegate& delegate) {
    std::vector<std::string> ended;
    each_entry("/proc", [&](int, const dirent& entry) {
        const auto pid = to_number<pid_t>(entry.d_name);
        const auto handle = pid ? open_pidfd(*pid) : fail(Errc::invalid, "");
        if (handle && is_criu(*pid) && has_made(delegate, *pid) && has_open(*pid, log) &&
            end_process(*handle))
            ended.push_back(std::to_string(*pid) + " (criu)");
        return true;
    });
    return ended;
}

} // namespace lpm::gate
