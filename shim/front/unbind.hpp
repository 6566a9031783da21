// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "oci/argv.hpp"

namespace lpm::front {

// Before `delete`: takes away the mount that runc makes for CRIU in its own folder of the container, if a
// restore that was cut off has left it. runc's `delete --force` removes that folder with all that is in it,
// and through the mount the container's root file system. One system call, whose failure means that there is
// none.
void unbind_root(const oci::Invocation& call);

} // namespace lpm::front
