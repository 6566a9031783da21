// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "oci/argv.hpp"

namespace lpm::gate {

// Before a `delete` of a container whose creation is in progress (creation.hpp): waits for the end of a restore of it,
// at most ten seconds, so that the runtime finds what it is to end. May throw for want of memory.
void await_restore(const oci::Invocation& call);

} // namespace lpm::gate
