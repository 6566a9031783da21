// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "recorder.hpp"

namespace lpm::gate {

// After a failed restore: takes away the mount of the container's root file system that a killed runtime has
// left. runc binds it into its own folder of the container, for CRIU (libcontainer/criu_linux.go), crun into
// the bundle (libcrun/criu.c); a later `delete --force` would delete through it all files of the container.
void unbind_root(const Request& request, Recorder& recorder);

} // namespace lpm::gate
