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

// "/proc/<pid>/<name>" into out.
void proc_path(long pid, const char* name, char (&out)[48]) {
    char digits[24];
    unsigned count = 0;
    do {
        digits[count++] = static_cast<char>('0' + pid % 10);
        pid /= 10;
    } while (pid != 0);
    unsigned at = 0;
    for (const char* c = "/proc/"; *c != '\0'; ++c)
        out[at++] = *c;
    while (count > 0)
        out[at++] = digits[--count];
    for (const char* c = name; *c != '\0'; ++c)
        out[at++] = *c;
    out[at] = '\0';
}

// Parent of another process, from /proc/<pid>/stat: "pid (name) state ppid ..."; 0 when it cannot be told.
long parent_of(long pid) {
    char path[48];
    proc_path(pid, "/stat", path);
    const int fd = sys::open_at(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    char text[512];
    const long size = fd < 0 ? 0 : sys::read(fd, text, sizeof(text));
    if (fd >= 0)
        sys::close(fd);
    long at = size - 1;
    while (at > 0 && text[at] != ')') // the name may hold anything, even parentheses
        --at;
    long parent = 0;
    for (at += 4; at > 3 && at < size && text[at] >= '0' && text[at] <= '9'; ++at)
        parent = parent * 10 + (text[at] - '0');
    return parent;
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
    return sys::clock(process_cpu_time, burnt) && burnt.tv_sec >= 5;
}

bool in_fork_loop() {
    const long parent = sys::parent();
    const long pids[] = {parent, parent_of(parent)};
    for (const long pid : pids) {
        char path[48];
        proc_path(pid, "/exe", path);
        struct statx file;
        if (pid > 0 && sys::stat(path, file) && is_this_program(file))
            return true;
    }
    return false;
}

} // namespace lpm::shim
