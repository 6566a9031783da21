// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "base/fixed_text.hpp"
#include "linux/syscall.hpp"

// What /proc tells of another process, without libc (procfs.hpp is for all others).
namespace lpm::sys {

// "/proc/<pid><name>"
inline FixedText<48> proc_path(long pid, const char* name) {
    FixedText<48> path;
    path.add("/proc/");
    path.add(static_cast<unsigned long>(pid));
    path.add(name);
    return path;
}

// The beginning of a file of another process; returns how many bytes.
inline long read_proc(long pid, const char* name, char* out, unsigned long size) {
    const int fd = open_at(AT_FDCWD, proc_path(pid, name).text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const long got = read(fd, out, size);
    close(fd);
    return got > 0 ? got : 0;
}

// A number of /proc/<pid>/stat by the field's place, as proc_pid_stat(5) counts them, from 4 on; 0 when it
// cannot be told. "pid (name) state ppid ...": the name may hold anything, even parentheses.
inline unsigned long stat_number(long pid, unsigned field) {
    char text[512];
    const long size = read_proc(pid, "/stat", text, sizeof text);
    long at = size - 1;
    while (at > 0 && text[at] != ')')
        --at;
    for (unsigned spaces = 2; at > 0 && at < size && spaces < field; ++at)
        spaces += text[at] == ' ' ? 1 : 0;
    unsigned long number = 0;
    for (; at > 0 && at < size && text[at] >= '0' && text[at] <= '9'; ++at)
        number = number * 10 + static_cast<unsigned long>(text[at] - '0');
    return number;
}

} // namespace lpm::sys
