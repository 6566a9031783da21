// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "oci/argv.hpp"

// `delete` of a container that the runtime is still making. runc's removes its own folder of a container
// without a state with all that is in it: through the mount that a restore makes there for CRIU also the
// container's root file system. And with --force it says that all went well when the restore has written the
// state meanwhile, and the container runs on (delete.go). Used by the front (no libc) and by the gate.
namespace lpm::shim {

// Where runc binds a container's root file system during a restore, in its own folder of the container
// (libcontainer/criu_linux.go).
inline constexpr char criu_root[] = "/criu-root";

// The runtime's folder of the container that this `delete` names has no state yet (runc's state.json, crun's
// status), or has that mount. Without --root it may be in either one's default.
[[nodiscard]] bool creation_in_progress(const oci::Invocation& call);

// Takes the mount away, if a restore that was cut off has left it. One system call, whose failure means that
// there is none.
void unbind_root(const oci::Invocation& call);

} // namespace lpm::shim
