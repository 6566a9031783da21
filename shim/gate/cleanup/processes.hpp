// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <sys/types.h>

#include "base/fd.hpp"
#include "linux/procfs.hpp"
#include "oci/argv.hpp"

// Which processes are this call's, and how they are ended.
namespace lpm::gate {

// The runtime that a call has started.
struct Delegate {
    pid_t pid = 0;
    std::uint64_t start = 0; // in clock ticks after boot; 0: not known, and then nothing is of this call
};
[[nodiscard]] Delegate delegate_of(pid_t runtime);

// The process is younger than the runtime, and its child, or that of who gets its children, and CRIU's, when
// they are gone: one of our ancestors.
[[nodiscard]] bool has_made(const Delegate& delegate, pid_t pid);

// Or ourselves: who may have got the children of the runtime and of CRIU when these were gone.
[[nodiscard]] bool is_ancestor(pid_t pid);

// Of a process that makes it.
using Wanted = std::function<bool(pid_t, const oci::Invocation&)>;
// Its command line is a call of the runtime, or of lpm before and around it, that is `wanted`. Others may
// call themselves what they like, so it must be our own user's and in no inner PID namespace.
[[nodiscard]] bool makes_call(pid_t pid, const Wanted& wanted);
// The first such process; 0 when there is none.
[[nodiscard]] pid_t find_call(const Wanted& wanted);

// Both name the same folder of states; nullptr is runc's default.
[[nodiscard]] bool same_root(const char* one, const char* other);

// As messages name it: "12 (redis-server)".
[[nodiscard]] std::string name_of(pid_t pid, const procfs::Status& status);

// Kills what a pidfd holds. False when it is still there after a moment.
[[nodiscard]] bool end_process(const Fd& handle);

} // namespace lpm::gate
