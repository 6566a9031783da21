// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "oci/state.hpp"
#include "recorder.hpp"

// After a failed checkpoint: do the container's processes go on?
namespace lpm::gate {

// A runtime that was killed may leave behind what it had frozen. Not for a container that its caller has
// frozen, which is the caller's.
void thaw_if_frozen(const oci::State& state, Recorder& recorder);

// Says what CRIU has left of itself in the container's processes. `none_stopped`: no process of it was
// stopped by a signal before the call, as far as known. The record holds the failure.
void report_tasks(const oci::State& state, bool none_stopped, Recorder& recorder);

} // namespace lpm::gate
