// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// lpm-runc: looks at the command line and becomes the real runtime, or the gate: for checkpoint and restore,
// and, where a container may be restored at its create, for that. Nothing that the caller gave is changed but
// argv[0]. There is no libc here: starting one up is most of what a wrapper costs.
#include "base/decimal.hpp"
#include "base/paths.hpp"
#include "creation.hpp"
#include "front/stamp.hpp"
#include "linux/syscall.hpp"
#include "oci/argv.hpp"
#include "oci/pending.hpp"
#include "oci/runtime_path.hpp"

namespace lpm::front {
namespace {

// Verbs that mean something else for a container which waits for its start (oci/pending.hpp).
bool asks_of_pending(oci::Verb verb) {
    return verb == oci::Verb::start || verb == oci::Verb::state || verb == oci::Verb::kill ||
           verb == oci::Verb::pause || verb == oci::Verb::resume || verb == oci::Verb::remove;
}

// What lpm does beside becoming the runtime. Returns when there is no gate to become, or nothing for it to
// do.
void do_ours(const oci::Invocation& call, char** argv, char** envp) {
    // Bypassed or not: else it would stay paused for ever.
    if (asks_of_pending(call.verb) && oci::is_pending(call.text(oci::Option::root), call.id))
        sys::execve(paths::gate_program, argv, envp);
    const bool creates = call.verb == oci::Verb::create && sys::exists(paths::restore_switch);
    const bool stamped =
        call.verb == oci::Verb::pause || call.verb == oci::Verb::resume || call.verb == oci::Verb::remove;
    if ((!call.gated && !stamped && !creates) || sys::exists(paths::bypass_file))
        return;
    if (stamped)
        stamp(call);
    if (call.gated || creates)
        sys::execve(paths::gate_program, argv, envp);
    if (call.verb != oci::Verb::remove)
        return;
    if (shim::creation_in_progress(call))
        sys::execve(paths::gate_program, argv, envp);
    shim::unbind_root(call);
}

unsigned length_of(const char* text) {
    unsigned n = 0;
    while (text[n] != '\0')
        ++n;
    return n;
}

void say_not_executed(const char* path, long error) {
    char number[24];
    const unsigned digits = write_decimal(static_cast<unsigned long>(-error), number);
    sys::write(2, "lpm-runc: cannot execute ", 25);
    sys::write(2, path, length_of(path));
    sys::write(2, ": errno ", 8);
    sys::write(2, number, digits);
    sys::write(2, "\n", 1);
}

// Returns when there is nothing to become; true: since what is configured leads back here. A candidate that
// is there but cannot be executed for lack of memory, or because argv is too long for the kernel, is not
// passed over: the next may be another implementation.
bool become_runtime(int argc, char** argv, char** envp) {
    char* bare[] = {nullptr, nullptr};
    // Kernels before 5.18 allow argc 0, and then argv[0] must not be written: envp starts behind it.
    if (argc == 0)
        argv = bare;
    oci::RuntimePath runtime;
    runtime.next = 0;
    runtime.circle = false;
    const oci::Loop loop = oci::exec_loop();
    while (oci::find_runtime(runtime, loop)) {
        argv[0] = runtime.text;
        const long error = sys::execve(runtime.text, argv, envp);
        if (!oci::may_try_next(error)) {
            say_not_executed(runtime.text, error);
            sys::exit(1);
        }
    }
    return runtime.circle;
}

struct Build {
    char text[sizeof(paths::front_build)];
};
consteval Build this_build() {
    Build build{};
    for (unsigned i = 0; i < sizeof(build.text); ++i)
        build.text[i] = paths::front_build[i];
    return build;
}
// --version is runc's: lpm-gate --version looks for this in the file.
__attribute__((used, retain)) constexpr Build build = this_build();

} // namespace

// Entered from the ELF entry with the stack as the kernel made it: argc, argv, NULL, envp, NULL.
extern "C" [[noreturn]] __attribute__((used, visibility("hidden"))) void lpm_front(long* stack) {
    const int argc = static_cast<int>(stack[0]);
    char** argv = reinterpret_cast<char**>(stack + 1);
    char** envp = argv + argc + 1;

    const oci::Invocation call = oci::parse(argc, argv);
    do_ours(call, argv, envp);
    if (become_runtime(argc, argv, envp))
        sys::write(2, paths::circular_runtime, sizeof(paths::circular_runtime) - 1);
    else
        sys::write(2, paths::no_runtime, sizeof(paths::no_runtime) - 1);
    sys::exit(1);
}

} // namespace lpm::front
