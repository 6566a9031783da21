// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>

#include "delegate.hpp"
#include "request.hpp"

// What lpm-gate does, a file for each.
namespace lpm::gate {

// How far a checkpoint or restore has come. It stands also when no memory is left to go on.
struct Progress {
    bool refused = false;       // the runtime is not to be run, whatever comes now
    bool quiet = false;         // a refusal is recorded only: the container starts without what was refused
    std::optional<Ended> ended; // the runtime has been run
};

// Nothing of these may keep the operation from happening except a check that blocks and a hook that aborts:
// an unwritable store, a broken lpm.toml or a missing cache become notes, or nothing. Where the runtime was
// not run, that was reported.
void checkpoint(const Arguments& arguments, Progress& progress);
void restore(const Arguments& arguments, Progress& progress);

// Restores the container that is to be created from the archive that its pod names, and leaves it paused,
// with a mark (oci/pending.hpp). False: nothing was done, and the runtime is to create it. Never true and
// false by chance: an error is a refusal, also for want of memory.
[[nodiscard]] bool create(const Arguments& arguments, Progress& progress);

// What is asked of such a container while it waits for its start; the exit status.
[[nodiscard]] int ask_pending(const Arguments& arguments);

// Before the runtime's own delete of a container: waits for the end of a restore of it that is in progress
// (creation.hpp), at most ten seconds, so that the runtime finds what it is to end, and takes away the mount
// that a restore which was cut off has left.
void before_delete(const oci::Invocation& call);

// Runs the runtime and CRIU once, and keeps what they say about themselves in /run/lpm/probe.json. Prints
// what it found. Returns an exit status: 1 when the cache could not be written or there is no runtime.
[[nodiscard]] int probe();

// One round over the records, within the bounds of [retention], and over the archives, within [archives]
// keep; prints what it did. Exit status: 0, or 1 when the store cannot be worked on, or no archive can be
// judged.
[[nodiscard]] int settle();

// Thaws containers that a dead caller has left paused, and puts into records how long containers stood still
// (record/stand_still.hpp). Reads /run/lpm only when there is nothing to do: for a timer of seconds. Exit
// status: as of settle.
[[nodiscard]] int rescue();

// Answers the one request on standard input, of lpm-sidecar behind /run/lpm/gate.sock or of root's hand
// (service/message.hpp). Exit status: 0, or 1 where an error was answered, or nobody took the answer.
[[nodiscard]] int answer(char** environment);

// The versions of this program and of the installed lpm-runc.
[[nodiscard]] int version();

} // namespace lpm::gate
