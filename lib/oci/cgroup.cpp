// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <fcntl.h>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "oci/state.hpp"

namespace lpm::oci {

// Deeper nesting than any kubelet, systemd or Docker-in-Docker makes.
static constexpr int max_depth = 16;

static Result<> collect(const std::string& dir, int depth, std::size_t limit, std::vector<pid_t>& pids) {
    TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, dir + "/cgroup.procs", std::size_t{16} << 20));
    std::string_view rest = text;
    while (!rest.empty() && pids.size() < limit)
        // A process outside our pid namespace reads as 0.
        if (const auto pid = to_number<pid_t>(trim(next_line(rest))); pid && *pid > 0)
            pids.push_back(*pid);
    if (depth == max_depth)
        return {};
    each_entry(dir, [&](int, const dirent& entry) {
        const std::string name = entry.d_name;
        if (entry.d_type == DT_DIR && name != "." && name != "..")
            // A child that vanishes between the two reads has no processes left.
            (void)collect(std::string(dir).append("/").append(name), depth + 1, limit, pids);
        return pids.size() < limit;
    });
    return {};
}

Result<std::vector<pid_t>> read_pids(const State& state, std::size_t limit) {
    if (state.freezer.empty())
        return fail(Errc::absent, "the container has no known cgroup");
    std::vector<pid_t> pids;
    TRY(collect(state.freezer, 0, limit, pids));
    return pids;
}

} // namespace lpm::oci
