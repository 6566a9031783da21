// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <sys/stat.h>
#include <sys/types.h>
#include <vector>

// What a checkpoint or restore that was cut off may leave running or behind.
namespace lpm::gate {

// CRIUs that run: one of ours, known by the log that it writes, and one of somebody else's; 0: none.
struct Running {
    pid_t ours = 0;
    pid_t other = 0;
};
[[nodiscard]] Running find_criu(const struct stat& log);

// Processes of a container, as messages name them: "12 (redis-server)".
struct TaskLeftovers {
    std::vector<std::string> traced; // by a CRIU
    std::vector<std::string> stopped;
    std::vector<std::string> infected; // CRIU's code is still mapped
};
// `cut`: CRIU has not ended by itself. Only then are mappings read, of which a process may have very many.
[[nodiscard]] TaskLeftovers look_at_tasks(const std::vector<pid_t>& pids, bool cut);

} // namespace lpm::gate
