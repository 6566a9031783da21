// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/failures.hpp"

#include <algorithm>

#include "check/check.hpp"

namespace lpm::check {

static constexpr Failure known[] = {
    {"CannotFreeze", "find the process that hangs in the kernel (state D), and what it waits for"},
    {"CannotSeize", "look for a process of the container that was moved to another cgroup, and move it back; "
                    "or for one that a debugger traces"},
    {"CriuCutShort", "look in the kernel's log for a crash of CRIU, run lpm-gate --probe to see whether it "
                     "works here at all, then try again"},
    {"FileLocks",
     "release the lock; one that only the container holds is taken along with file_locks in [options] of "
     "lpm.toml"},
    {"ImageVersion", "restore with the CRIU that took the checkpoint"},
    {"NetworkLockHeld",
     "delete the nftables table CRIU-* that another run has left in the pod's network namespace"},
    {"OutOfMemory", "raise the memory limit of the container, or free memory on the node"},
    {"Privileges", "run the runtime as real root"},
    {"ProcessEnded", "try again; as an exec probe is killed when its time is over, give it a timeoutSeconds "
                     "that is longer than a checkpoint"},
    {"RestoredTwice", "remove what an earlier restore has left on the volume, or restore once only"},
    {"SessionTaken", "try again: CRIU itself had a process id of the container's"},
    {"UnsupportedFile", "close the descriptor named, or turn off the feature that uses it"},
};

std::span<const Failure> failures() {
    return known;
}

template <class Row>
static const Row* find(std::span<const Row> rows, std::string_view Row::* key, std::string_view code) {
    const auto at = std::ranges::find(rows, code, key);
    return at == rows.end() ? nullptr : &*at;
}

std::string_view remedy_of(std::string_view code) {
    if (const auto* check = find(table(), &Check::id, code))
        return check->remedy;
    const auto* failure = find(failures(), &Failure::code, code);
    return failure == nullptr ? std::string_view() : failure->remedy;
}

} // namespace lpm::check
