// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>
#include <sys/types.h>

#include "base/result.hpp"

namespace lpm::criu {

// One dump as a runtime asks for it: `criu swrk`, by a message over a socket (criu/cr-service.c).
struct SwrkDump {
    std::string criu;        // path
    pid_t pid = 0;           // goes on
    std::string images;      // directory, with dump.log
    std::string config_file; // what a runtime names as its own
};
// How CRIU ended, as waitpid(2) tells: it may have crashed before it had an answer. Errc::unavailable when it
// did not end in `timeout`.
[[nodiscard]] Result<int> run_swrk(const SwrkDump& dump, std::chrono::milliseconds timeout);

} // namespace lpm::criu
