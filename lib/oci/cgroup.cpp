// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/cgroup.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <utility>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "oci/state.hpp"

namespace lpm::oci {

// Deeper nesting than any kubelet, systemd or Docker-in-Docker makes.
static constexpr int max_depth = 32;

static constexpr std::size_t max_cgroups = 10'000;

namespace {

class Processes {
  public:
    Processes(std::size_t limit, const Deadline& deadline) : limit_(limit), deadline_(deadline) {}

    Result<> add(const std::string& dir, int depth) {
        if (depth == max_depth || ++cgroups_ > max_cgroups)
            return fail(Errc::unavailable, "below the container's cgroup are too many to read: " + dir);
        if (deadline_.passed())
            return fail(Errc::unavailable, "the container's cgroups were not read within the deadline");
        const auto text = read_file(AT_FDCWD, dir + "/cgroup.procs", max_text);
        if (!text && (depth == 0 || !has_none(text.error())))
            return std::unexpected(text.error());
        take(text.value_or(""));
        Result<> below;
        each_entry(dir, [&](int, const dirent& entry) {
            const std::string name = entry.d_name;
            if (entry.d_type == DT_DIR && name != "." && name != "..")
                below = add(std::string(dir).append("/").append(name), depth + 1);
            return below && pids_.size() < limit_;
        });
        return below;
    }

    [[nodiscard]] std::vector<pid_t> pids() && { return std::move(pids_); }

  private:
    static constexpr std::size_t max_text = std::size_t{16} << 20;

    // The cgroup has been removed (ENODEV of a file that was opened before); or it is one for threads, whose
    // processes stand in the one above.
    static bool has_none(const Error& error) {
        return error.sys == ENOENT || error.sys == ENODEV || error.sys == EOPNOTSUPP;
    }

    void take(std::string_view text) {
        while (!text.empty() && pids_.size() < limit_)
            // A process outside our pid namespace reads as 0.
            if (const auto pid = to_number<pid_t>(trim(next_line(text))); pid && *pid > 0)
                pids_.push_back(*pid);
    }

    std::size_t limit_;
    const Deadline& deadline_;
    std::size_t cgroups_ = 0;
    std::vector<pid_t> pids_;
};

} // namespace

Result<std::vector<pid_t>> read_pids(const State& state, std::size_t limit, const Deadline& deadline) {
    if (state.freezer.empty())
        return fail(Errc::absent, "the container has no known cgroup");
    Processes processes(limit, deadline);
    TRY(processes.add(state.freezer, 0));
    return std::move(processes).pids();
}

// The names of `part`, in order, are in the path.
static bool has_part(std::string_view path, std::string_view part) {
    for (auto at = path.find(part); at != std::string_view::npos; at = path.find(part, at + 1)) {
        const auto rest = path.substr(at + part.size());
        if (at > 0 && path[at - 1] == '/' && (rest.empty() || rest.front() == '/'))
            return true;
    }
    return false;
}

// runc's and crun's rules for the names of scopes (libcontainer/cgroups/systemd, libcrun/cgroup-systemd.c).
static std::string scope_of(std::string_view cgroups_path) {
    const auto prefix = cgroups_path.find(':') + 1;
    const auto end = std::min(cgroups_path.find(':', prefix), cgroups_path.size());
    std::string name(cgroups_path.substr(std::min(end + 1, cgroups_path.size())));
    if (name.ends_with(".slice"))
        return name;
    const std::string front(cgroups_path.substr(prefix, end - prefix));
    return (front.empty() ? name : front + "-" + name) + ".scope";
}

static bool is_cgroup_of(std::string_view path, std::string_view cgroups_path, std::string_view id) {
    if (cgroups_path.find(':') != std::string_view::npos)
        return has_part(path, scope_of(cgroups_path));
    if (cgroups_path.starts_with('/'))
        return cgroups_path.size() > 1 && path.starts_with(cgroups_path) &&
               (path.size() == cgroups_path.size() || path[cgroups_path.size()] == '/');
    if (!cgroups_path.empty())
        return has_part(path, cgroups_path);
    // Only the last name: an id may be that of a folder of other containers.
    return path.substr(path.rfind('/') + 1) == id || has_part(path, "runc-" + std::string(id) + ".scope") ||
           has_part(path, "crun-" + std::string(id) + ".scope");
}

bool in_cgroup_of(std::string_view proc_cgroup, std::string_view cgroups_path, std::string_view id) {
    while (!proc_cgroup.empty()) {
        const std::string_view line = next_line(proc_cgroup); // "4:memory:/kubepods/x"
        const auto path = line.find(":/");
        if (path != std::string_view::npos && path > line.find(':') &&
            is_cgroup_of(line.substr(path + 1), cgroups_path, id))
            return true;
    }
    return false;
}

} // namespace lpm::oci
