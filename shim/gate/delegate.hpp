// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <functional>
#include <sys/types.h>
#include <vector>

#include "base/result.hpp"

namespace lpm::gate {

// How a child ended.
struct Ended {
    int exit_status = 0;
    int signal = 0; // 0: it exited
    [[nodiscard]] bool ok() const { return signal == 0 && exit_status == 0; }
};

// What we do while the runtime runs; each with its process id.
struct Work {
    std::function<void(pid_t)> once;
    std::function<void(pid_t)> each_second;
};

// Runs the runtime as the caller would have, and waits for it. The child gets our descriptors, environment,
// signal mask and dispositions, umask, limits and directory as we got them, and our PDEATHSIG if one was set
// (conmon and containerd set it; it does not survive a fork). LISTEN_PID, if it named us, names the child:
// runc takes its sockets only then. Signals that reach us are sent on.
//
// Files are tried in the order of oci::next_runtime; Errc::absent when none can be executed. `argv` ends
// with nullptr; argv[0] is filled in.
[[nodiscard]] Result<Ended> run_runtime(std::vector<const char*> argv, char** environment, const Work& work);

// Ends this process as the child ended: same status, or death by the same signal, without a core dump.
[[noreturn]] void end_like(const Ended& child);

// Becomes the runtime, for a call that is not ours after all. Returns when there is none.
void become_runtime(char** argv, char** environment);

// The runtime that a call would reach now; empty when there is none.
[[nodiscard]] std::string runtime_path();

} // namespace lpm::gate
