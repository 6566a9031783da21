// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>

#include "base/fd.hpp"
#include "cleanup/criu.hpp"
#include "criu/network_lock.hpp"
#include "recorder.hpp"

namespace lpm::gate {

// The network namespace that CRIU locks, as it was before the runtime ran. Later a restore's may have no name
// any more.
struct NetworkBefore {
    std::optional<Fd> network;
    std::optional<criu::NetworkLock> lock; // nothing: not known
};
[[nodiscard]] NetworkBefore read_network(std::optional<Fd> network);

// What is known of CRIU after a failure.
struct CriuRun {
    Running running;      // CRIUs that have not ended
    bool started = false; // this call has started one
    bool restore = false;
};

// After a failure: deletes the rules by which CRIU keeps packets from the container, where they are surely of
// this call and no CRIU needs them any more; says what is left. `log`: CRIU's, which names the run of the
// dump.
void unlock_network(const NetworkBefore& before, const CriuRun& run, const std::optional<std::string>& log,
                    Recorder& recorder);

} // namespace lpm::gate
