// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "runtime.hpp"

#include "front/syscall.hpp"
#include "paths.hpp"

namespace lpm::shim {
namespace {

constexpr unsigned place_count = sizeof(usual_places) / sizeof(usual_places[0]);

void copy(const char* from, char (&to)[4096]) {
    unsigned i = 0;
    for (; from[i] != '\0' && i + 1 < sizeof(to); ++i)
        to[i] = from[i];
    to[i] = '\0';
}

// Where the link at `path` points to, if that is an absolute path; else `path` itself.
void resolve(const char* path, char (&to)[4096]) {
    const long length = sys::readlink(path, to, sizeof(to) - 1);
    if (length > 0 && length < static_cast<long>(sizeof(to)) - 1 && to[0] == '/')
        to[length] = '\0';
    else
        copy(path, to);
}

// Without /proc nothing can be compared; runc would not get far either.
bool is_this_program(const struct statx& file) {
    struct statx own;
    return sys::stat("/proc/self/exe", own) && file.stx_ino == own.stx_ino &&
           file.stx_dev_major == own.stx_dev_major && file.stx_dev_minor == own.stx_dev_minor;
}

} // namespace

bool find_runtime(RuntimePath& at, bool skip_configured) {
    while (at.next <= place_count) {
        const unsigned candidate = at.next++;
        if (candidate > 0)
            copy(usual_places[candidate - 1], at.text);
        else if (skip_configured)
            continue;
        else
            resolve(configured_runtime, at.text);
        struct statx file;
        if (sys::stat(at.text, file) && (file.stx_mode & sys::file_type) == sys::regular_file &&
            !is_this_program(file))
            return true;
    }
    return false;
}

bool in_exec_loop() {
    constexpr int process_cpu_time = 2; // CLOCK_PROCESS_CPUTIME_ID, which <linux/time.h> keeps for itself
    __kernel_timespec burnt;
    return sys::clock(process_cpu_time, burnt) && burnt.tv_sec >= 1;
}

} // namespace lpm::shim
