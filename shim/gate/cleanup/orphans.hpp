// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "cleanup/processes.hpp"
#include "recorder.hpp"

namespace lpm::gate {

// Ends what a restore has left in the container's own cgroup. CRIU that is killed in the middle of a restore
// leaves processes that wait for it for ever, and of a runtime that is killed nobody knows what it has
// started: their memory, sockets and cgroup are in the way of the next. Another container may have been given
// the same cgroup: what the runtime knows, it can delete, and is left alone. True when something was ended.
[[nodiscard]] bool end_orphans(const std::string& cgroups_path, const Delegate& delegate, Recorder& recorder);

} // namespace lpm::gate
