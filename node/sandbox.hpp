// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "base/result.hpp"

// What a network daemon gives away before it reads the first byte from outside. The only place that sees
// libcap and libseccomp. Not for the shim: what is given away stays so in what it becomes, and in the
// container.
namespace lpm::node {

// Every capability, in all sets and for good: also the bounding and the ambient set where that is permitted,
// and no_new_privs. Of the calling thread and those that it starts later: call it before there are others.
[[nodiscard]] Result<> drop_capabilities();

// Only the system calls that a daemon with threads, sockets, files and a C++ library needs: everything else
// ends with EPERM (a library then takes its other way), and what no daemon of ours has a use for and
// attackers have (execve, ptrace, mount, bpf, keyctl, io_uring, module loading, ...) ends the process.
// `may_run`: execve and what a child needs are permitted, for plugins that print credentials. For all
// threads. x86-64 and aarch64.
[[nodiscard]] Result<> allow_daemon_calls(bool may_run);

// Only the system calls that read open descriptors and write to them: nothing is opened, started or
// connected, and no other process is reached. For a process without threads.
[[nodiscard]] Result<> allow_reading();

} // namespace lpm::node
