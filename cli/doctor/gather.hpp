// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "doctor/facts.hpp"

// Looks at this node. Takes two seconds where CRIU has not been probed yet, and asks the node's own programs
// for ten each at most.
namespace lpm::doctor {

struct Places {
    std::string store; // of the records
    std::string gate;  // socket of lpm-gate
};
[[nodiscard]] Facts gather(const Places& places);

// gather_runtime.cpp
[[nodiscard]] RuntimeState gather_runtime();
// gather_crio.cpp
[[nodiscard]] CrioState gather_crio();
// gather_criu.cpp: what the files and the running CRI-O hand to the runtime.
// A PATH of each handler that has one, the default one first; then that of the running CRI-O; never none.
[[nodiscard]] std::vector<SearchPath> search_paths(const crio::Configuration& configuration);
[[nodiscard]] CriuState gather_criu(const CrioState& crio);
// gather_kubelet.cpp
[[nodiscard]] KubeletState gather_kubelet();
// gather_node.cpp
[[nodiscard]] NodeState gather_node(const Places& places, const KubeletState& kubelet);

// When the status of what is there changed last (ctime). Errc::absent and others.
[[nodiscard]] Result<Time> change_of(const std::string& path);
// Of a program of the node, with its first line; nothing when it could not be run, or not to its end.
[[nodiscard]] std::optional<Call> call_program(const std::vector<std::string>& argv);

} // namespace lpm::doctor
