// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// Hosted builds run under AddressSanitizer, which by default sets the core file limit to nothing: a limit
// that the runtime would inherit. Wrappers change no limits, not even in tests.
extern "C" [[gnu::used, gnu::visibility("default")]] const char* __asan_default_options() {
    return "disable_coredump=0";
}
