// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "inspect/caller.hpp"
#include "oci/state.hpp"

// A container of which nobody has asked for a checkpoint yet: where it is, and who would ask.
namespace lpm::inspect {

// A container by its names in Kubernetes, or by its id. Of both, both must be its.
struct Target {
    std::string name_space{};
    std::string pod{};
    std::string pod_uid{}; // empty: whichever pod has that name now
    std::string name{};    // of the container in its pod
    std::string id{};      // of the engine
};
// "container NAME of pod NAMESPACE/POD", or "container ID"
[[nodiscard]] std::string text_of(const Target& target);

struct Located {
    std::string root; // of the runtime's states
    std::string id;
    oci::State state;
};
// The one that runs, in the states below `roots`. Errc::absent when there is none, or none that runs;
// Errc::unavailable when the time is over before all were looked at.
[[nodiscard]] Result<Located> locate(const Target& target, const std::vector<std::string>& roots,
                                     const Deadline& deadline);

// The monitor of a container as CRI-O and Podman start it (conmon(8)), by its command line.
struct Monitor {
    std::string runtime;     // -r: the runtime with which the container was made
    std::string persist_dir; // --persist-dir: where CRI-O has the files of a checkpoint
};
[[nodiscard]] std::optional<Monitor> parse_monitor(std::string_view cmdline);

// CRI-O of this node. When it does not run: this process, without an environment.
[[nodiscard]] Caller find_crio();

// Who asks the runtime for a checkpoint.
struct Engine {
    // With the environment that CRI-O gives the runtime: its own up to 1.31, since then exactly what its
    // monitors get as well. Without one when that cannot be told.
    Caller caller;
    std::optional<Monitor> monitor; // nothing: the container has none, or one that cannot be read
};
[[nodiscard]] Engine find_engine(const oci::State& state);

} // namespace lpm::inspect
