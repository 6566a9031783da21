// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// lpm-runc: looks at the command line and becomes the real runtime, or the gate for checkpoint and restore.
// Nothing that the caller gave is changed but argv[0]. There is no libc here: starting one up is most of what
// a wrapper costs.
#include "front/stamp.hpp"
#include "front/syscall.hpp"
#include "oci/argv.hpp"
#include "paths.hpp"
#include "runtime.hpp"

namespace lpm::front {
namespace {

void become_gate(char** argv, char** envp) {
    if (sys::exists(shim::bypass_file))
        return;
    sys::execve(shim::gate_program, argv, envp); // returns only when there is no gate to become
}

void become_runtime(int argc, char** argv, char** envp) {
    char* bare[] = {nullptr, nullptr};
    if (argc ==
        0) // kernels before 5.18 allow it, and then argv[0] must not be written: envp starts behind it
        argv = bare;
    shim::RuntimePath runtime;
    runtime.next = 0;
    const bool loop = shim::in_exec_loop();
    while (shim::find_runtime(runtime, loop)) {
        argv[0] = runtime.text;
        sys::execve(runtime.text, argv, envp);
    }
}

} // namespace

// Entered from the ELF entry with the stack as the kernel made it: argc, argv, NULL, envp, NULL.
extern "C" [[noreturn]] __attribute__((used, visibility("hidden"))) void lpm_front(long* stack) {
    const int argc = static_cast<int>(stack[0]);
    char** argv = reinterpret_cast<char**>(stack + 1);
    char** envp = argv + argc + 1;

    const oci::Invocation call = oci::parse(argc, argv);
    if (call.gated)
        become_gate(argv, envp);
    else if (call.verb == oci::Verb::pause || call.verb == oci::Verb::resume)
        stamp(call);
    become_runtime(argc, argv, envp);

    sys::write(2, shim::no_runtime, sizeof(shim::no_runtime) - 1);
    sys::exit(1);
}

} // namespace lpm::front
