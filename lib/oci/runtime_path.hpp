// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

// Which file is the real runtime. Used by the front (no libc) and by the gate, so that both find the same
// one.
namespace lpm::oci {

struct RuntimePath {
    char text[4096]; // what to hand to execve, also as argv[0]
    unsigned next;   // the candidate to look at next; 0 to begin
    bool circle;     // /etc/lpm/runtime leads back to us; false to begin
};

// A call that goes round in a circle: /etc/lpm/runtime leads to a program that calls us again.
enum class Loop { none, skip_configured, give_up };

// Looks from candidate `at.next` on for a file that is there and is not this program (by device and inode),
// and moves `at.next` behind it, so that a caller whose exec failed can ask again. Candidates are
// /etc/lpm/runtime (where it points to, if it is a link to an absolute path), then runc in the places where
// distributions install it. PATH is not asked: some callers give none.
// A configured crun (or another implementation by its name) is never replaced by runc, not even when it is
// missing: runc would take its containers for ones that do not exist, and delete their state.
[[nodiscard]] bool find_runtime(RuntimePath& at, Loop loop);

// Whether the next candidate may be tried after execve returned this (a negative errno): only when the file
// itself is at fault, not when memory or the length of argv is.
[[nodiscard]] bool may_try_next(long error);

// A process that has burnt much CPU time before its start, and has had the faults of many execs, must have
// been through here many times. These are used because they survive exec and, unlike a mark in the
// environment, the runtime cannot see them. Above a limit nothing is left to try.
[[nodiscard]] Loop exec_loop();

// For a program that forks, whose CPU time begins anew each round: whether it is its own ancestor.
[[nodiscard]] Loop fork_loop();

} // namespace lpm::oci
