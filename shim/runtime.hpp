// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

// Which file is the real runtime. Used by the front (no libc) and by the gate, so that both find the same
// one.
namespace lpm::shim {

struct RuntimePath {
    char text[4096]; // what to hand to execve, also as argv[0]
    unsigned next;   // the candidate to look at next; 0 to begin
};

// Looks from candidate `at.next` on for a file that is there and is not this program (by device and inode),
// and moves `at.next` behind it, so that a caller whose exec failed can ask again. Candidates are
// /etc/lpm/runtime (where it points to, if it is a link to an absolute path), then runc in the places where
// distributions install it. PATH is not asked: some callers give none.
[[nodiscard]] bool find_runtime(RuntimePath& at, bool skip_configured);

// True when this process has burnt so much CPU time before its start that it must have been through here many
// times: /etc/lpm/runtime leads to a program that executes us again. Then it is to be skipped. Time is used
// because it survives exec and, unlike a mark in the environment, the runtime cannot see it.
[[nodiscard]] bool in_exec_loop();

// The same for the gate, which forks: true when this program's parent or grandparent is this program too. The
// CPU time of a child starts at nothing, so that the chain would grow until the machine is full.
[[nodiscard]] bool in_fork_loop();

} // namespace lpm::shim
