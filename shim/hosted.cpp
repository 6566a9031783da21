// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// Hosted builds run under sanitizers, whose options cannot come by the environment: what a runtime is given
// is for its caller to say. Here they are built in.
// - A report ends the program with a status of its own and leaves a file that suites look for
//   (tests/support/sanitizer_reports): standard error belongs to the caller, who may drop it.
// - By default AddressSanitizer sets the core file limit to nothing, a limit that the runtime would inherit.
//   Wrappers change no limits, not even in tests.
#include <cstdio>
#include <unistd.h>

extern "C" {

[[gnu::used, gnu::visibility("default")]] const char* __asan_default_options() {
    return "disable_coredump=0:exitcode=99:log_path=/var/tmp/lpm-sanitizer/report";
}

[[gnu::used, gnu::visibility("default")]] const char* __ubsan_default_options() {
    return "print_stacktrace=1:exitcode=99";
}

// Beside AddressSanitizer, which has made the folder, g++'s other library does not heed log_path.
[[gnu::used, gnu::visibility("default")]] void __ubsan_on_report() {
    char path[64];
    std::snprintf(path, sizeof path, "/var/tmp/lpm-sanitizer/undefined.%d", static_cast<int>(getpid()));
    if (std::FILE* file = std::fopen(path, "we"); file != nullptr) {
        std::fputs("runtime error: undefined behaviour, see standard error\n", file);
        std::fclose(file);
    }
}
}
