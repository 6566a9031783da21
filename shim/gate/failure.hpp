// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "delegate.hpp"
#include "recorder.hpp"

namespace lpm::gate {

// Why the runtime's run failed, by how it ended and by the log that CRIU has written: into the record, and,
// where it is more than the runtime has said itself, to the caller. `oom_kills`: those before the run.
void explain_failure(Recorder& recorder, const Ended& ended, const std::optional<std::string>& log,
                     const std::optional<std::uint64_t>& oom_kills);

} // namespace lpm::gate
