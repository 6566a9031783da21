// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/deadline.hpp"
#include "base/result.hpp"

namespace lpm::oci {

// What the runtime wrote about a container below its --root: runc's <id>/state.json, crun's <id>/status.
struct State {
    pid_t init = 0;
    std::uint64_t init_start = 0; // clock ticks after boot, field 22 of /proc/PID/stat
    std::string bundle;
    std::string freezer;          // directory of the freezer cgroup (v1) or of the cgroup (v2); may be empty
    bool unified = false;         // `freezer` is a cgroup v2 directory
    bool waits_for_start = false; // created, not started: exec.fifo is there, or the mark of oci/pending.hpp
};

[[nodiscard]] Result<State> parse_runc_state(std::string_view state_json);
[[nodiscard]] Result<State> parse_crun_status(std::string_view status_json);

// `root` is the runtime's --root. Errc::absent when the runtime knows no such container.
[[nodiscard]] Result<State> read_state(const std::string& root, const std::string& id);

// First processes of all containers that the runtime knows, alive or not; an error when one cannot be read.
[[nodiscard]] Result<std::vector<pid_t>> read_inits(const std::string& root);

// Init is there, is the process that the runtime started, and is no zombie.
[[nodiscard]] bool alive(const State& state);

// The container's cgroup is frozen, or on the way to it; false when it has none or cannot be read.
[[nodiscard]] bool frozen(const State& state);
// Told to freeze, and not there yet.
[[nodiscard]] bool freezing(const State& state);
// Told only: see `freezing`.
[[nodiscard]] Result<> freeze(const State& state);
[[nodiscard]] Result<> thaw(const State& state);

// Processes of the container's cgroup and those below it, as seen from here; at most `limit`. An error when
// not all of them could be read by the deadline, or there are more cgroups than any container has.
[[nodiscard]] Result<std::vector<pid_t>> read_pids(const State& state, std::size_t limit,
                                                   const Deadline& deadline);

} // namespace lpm::oci
