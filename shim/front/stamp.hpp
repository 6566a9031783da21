// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "oci/argv.hpp"

namespace lpm::front {

// Notes when a container was paused or resumed, if the node asked for it (/run/lpm/on): nanoseconds of
// CLOCK_BOOTTIME in /run/lpm/<root hash>/<id>/{paused,resumed}; removes them when it is deleted. A record is
// joined with it later. Best effort: whatever goes wrong here, the runtime does its work all the same.
void stamp(const oci::Invocation& call);

} // namespace lpm::front
