// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "leftovers.hpp"

#include <string_view>

#include "base/dir.hpp"
#include "base/procfs.hpp"
#include "base/procmaps.hpp"
#include "base/text.hpp"

namespace lpm::gate {

static constexpr std::size_t max_descriptors = 4096;
static constexpr std::string_view criu = "criu"; // what CRIU's processes are called, helpers among them

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

Running find_criu(const struct stat& log) {
    Running running;
    each_entry("/proc", [&](int, const dirent& entry) {
        const auto pid = to_number<pid_t>(entry.d_name);
        const auto status = pid ? procfs::read_status(*pid) : fail(Errc::invalid, "");
        if (status && status->name.starts_with(criu) && status->state != 'Z')
            (has_open(*pid, log) ? running.ours : running.other) = *pid;
        return true;
    });
    return running;
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

TaskLeftovers look_at_tasks(const std::vector<pid_t>& pids, bool cut) {
    TaskLeftovers found;
    for (const pid_t pid : pids) {
        const auto status = procfs::read_status(pid);
        if (!status || status->state == 'Z')
            continue;
        const std::string name = std::to_string(pid) + " (" + one_line(status->name, 64) + ")";
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

} // namespace lpm::gate
