// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "oci/argv.hpp"

namespace lpm::front {

// Notes who pauses a container and when, and when it goes on (lib/record/stand_still.hpp). Best effort:
// whatever goes wrong here, the runtime does its work all the same.
void stamp(const oci::Invocation& call);

} // namespace lpm::front
