// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "front/stamp.hpp"

#include "base/decimal.hpp"
#include "base/paths.hpp"
#include "linux/syscall.hpp"

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

// Removes the stamps of a container that is about to be deleted, and closes `parent`.
void forget(int parent, const char* id) {
    const int dir = sys::open_at(parent, id, dir_flags);
    if (dir >= 0) {
        sys::unlink_at(dir, "paused", 0);
        sys::unlink_at(dir, "resumed", 0);
        sys::close(dir);
        sys::unlink_at(parent, id, AT_REMOVEDIR);
    }
    sys::close(parent);
}

} // namespace

void stamp(const oci::Invocation& call) {
    if (!oci::valid_id(call.id) || !sys::exists(paths::stamps_on))
        return;
    char hash[17];
    oci::root_hash(call.text(oci::Option::root), hash);
    int dir = sys::open_at(AT_FDCWD, paths::run_dir, dir_flags);
    if (dir >= 0)
        dir = enter(dir, hash);
    if (dir < 0)
        return;
    if (call.verb == oci::Verb::remove) {
        forget(dir, call.id);
        return;
    }
    constexpr int boot_time = 7; // CLOCK_BOOTTIME: goes on while the machine sleeps, and nobody can set it
    __kernel_timespec now;
    dir = enter(dir, call.id);
    if (dir < 0 || !sys::clock(boot_time, now))
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
    unsigned length = write_decimal(nanoseconds, text);
    text[length++] = '\n';
    sys::write(file, text, length);
    sys::close(file);
}

} // namespace lpm::front
