// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "front/stamp.hpp"

#include "front/syscall.hpp"
#include "paths.hpp"

namespace lpm::front {
namespace {

constexpr int dir_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// Opens `name` below `parent`, made if need be, and closes `parent`.
int enter(int parent, const char* name) {
    sys::make_dir_at(parent, name, 0700);
    const int dir = sys::open_at(parent, name, dir_flags);
    sys::close(parent);
    return dir;
}

// Decimal digits and a newline; returns how many bytes.
unsigned long decimal(unsigned long value, char (&out)[24]) {
    char reversed[24];
    unsigned long n = 0;
    do {
        reversed[n++] = static_cast<char>('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (unsigned long i = 0; i < n; ++i)
        out[i] = reversed[n - 1 - i];
    out[n] = '\n';
    return n + 1;
}

} // namespace

void stamp(const oci::Invocation& call) {
    if (!oci::valid_id(call.id) || !sys::exists(shim::stamps_on))
        return;
    constexpr int boot_time = 7; // CLOCK_BOOTTIME: goes on while the machine sleeps, and nobody can set it
    __kernel_timespec now;
    if (!sys::clock(boot_time, now))
        return;
    char hash[17];
    oci::root_hash(call.text(oci::Option::root), hash);
    int dir = sys::open_at(AT_FDCWD, shim::run_dir, dir_flags);
    if (dir >= 0)
        dir = enter(dir, hash);
    if (dir >= 0)
        dir = enter(dir, call.id);
    if (dir < 0)
        return;
    // O_NONBLOCK: not even a fifo planted here may keep a container from being resumed.
    const int file = sys::open_at(dir, call.verb == oci::Verb::pause ? "paused" : "resumed",
                                  O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    sys::close(dir);
    if (file < 0)
        return;
    char text[24];
    const auto nanoseconds =
        static_cast<unsigned long>(now.tv_sec) * 1'000'000'000UL + static_cast<unsigned long>(now.tv_nsec);
    sys::write(file, text, decimal(nanoseconds, text));
    sys::close(file);
}

} // namespace lpm::front
