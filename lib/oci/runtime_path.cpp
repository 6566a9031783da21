// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/runtime_path.hpp"

#include "base/paths.hpp"
#include "linux/raw_proc.hpp"
#include "linux/syscall.hpp"

namespace lpm::oci {
namespace {

constexpr unsigned place_count = sizeof(paths::usual_places) / sizeof(paths::usual_places[0]);

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

bool starts_with(const char* text, const char* beginning) {
    while (*beginning != '\0' && *text == *beginning) {
        ++text;
        ++beginning;
    }
    return *beginning == '\0';
}

const char* base_name(const char* path) {
    const char* name = path;
    for (; *path != '\0'; ++path)
        if (*path == '/')
            name = path + 1;
    return name;
}

bool other_implementation(const char* path) {
    static constexpr char names[][8] = {"crun", "youki", "runsc", "kata"};
    for (const auto& name : names)
        if (starts_with(base_name(path), name))
            return true;
    return false;
}

// The process runs `path`: as its program, or as the script that its interpreter was given, with a word or
// two for itself (#!/usr/bin/env python3, #!/bin/sh -e).
bool is_run_by(long pid, const char* path) {
    constexpr int most_words = 4;
    char words[1024];
    const long size = sys::read_proc(pid, "/cmdline", words, sizeof(words) - 1);
    words[size] = '\0';
    long at = 0;
    for (int i = 0; i < most_words && at < size; ++i) {
        if (starts_with(words + at, path) && starts_with(path, words + at))
            return true;
        while (at < size && words[at] != '\0')
            ++at;
        ++at;
    }
    return false;
}

// In a loop each process has been started by one that is new itself, as their numbers tell.
bool is_new(long parent, long child) {
    constexpr long few = 32;
    return parent < child && child - parent < few;
}

// One of our ancestors runs `path`: a wrapper that calls us instead of runc, and does not exec but fork,
// perhaps by the hand of another (timeout, sudo).
bool called_by(const char* path) {
    constexpr unsigned parent = 4; // of the numbers of /proc/<pid>/stat
    constexpr int generations = 3;
    long child = sys::self();
    long pid = sys::parent();
    for (int i = 0; i < generations && pid > 1; ++i) {
        if (is_run_by(pid, path))
            return true;
        if (!is_new(pid, child))
            return false;
        child = pid;
        pid = static_cast<long>(sys::stat_number(pid, parent));
    }
    return false;
}

// runc or crun itself, by its name and its size.
bool is_plain(const char* path, const struct statx& file) {
    constexpr unsigned long least = 256UL << 10U;
    const char* name = base_name(path);
    return (starts_with(name, "runc") || starts_with(name, "crun")) && file.stx_size >= least;
}

bool usable(const char* path, struct statx& file) {
    return sys::stat(path, file) && (file.stx_mode & sys::file_type) == sys::regular_file &&
           !is_this_program(file);
}

// To ask about ancestors costs a call several system calls: what is surely no wrapper is hardly ever asked.
bool leads_back(const char* path, const struct statx& file) {
    return (!is_plain(path, file) || is_new(sys::parent(), sys::self())) && called_by(path);
}

} // namespace

bool find_runtime(RuntimePath& at, Loop loop) {
    struct statx file;
    if (loop == Loop::give_up) {
        at.circle = true;
        return false;
    }
    if (at.next == 0) {
        ++at.next;
        resolve(paths::configured_runtime, at.text);
        const bool other = other_implementation(at.text);
        if (other)
            at.next = place_count + 1;
        const bool there = usable(at.text, file);
        at.circle = there && ((loop != Loop::none && !other) || leads_back(at.text, file));
        if (there && !at.circle)
            return true;
    }
    while (at.next <= place_count) {
        copy(paths::usual_places[at.next++ - 1], at.text);
        if (usable(at.text, file))
            return true;
    }
    return false;
}

bool may_try_next(long error) {
    constexpr long file_at_fault[] = {2, 8, 13, 20, 40, 80}; // ENOENT ENOEXEC EACCES ENOTDIR ELOOP ELIBBAD
    for (const long code : file_at_fault)
        if (error == -code)
            return true;
    return false;
}

Loop exec_loop() {
    constexpr int process_cpu_time = 2;   // CLOCK_PROCESS_CPUTIME_ID, which <linux/time.h> keeps for itself
    constexpr unsigned minor_faults = 10; // of the numbers of /proc/<pid>/stat
    constexpr unsigned long faults_per_ms = 20;
    __kernel_timespec burnt;
    if (!sys::clock(process_cpu_time, burnt))
        return Loop::none;
    const auto spent_ms = static_cast<unsigned long>(burnt.tv_sec * 1000 + burnt.tv_nsec / 1000000);
    if (spent_ms < 400)
        return Loop::none;
    // Each exec has the program's pages mapped anew: no work takes so many faults for so long.
    if (sys::stat_number(sys::self(), minor_faults) >= faults_per_ms * spent_ms)
        return spent_ms < 800 ? Loop::skip_configured : Loop::give_up;
    if (spent_ms < 5000)
        return Loop::none;
    return spent_ms < 60000 ? Loop::skip_configured : Loop::give_up;
}

Loop fork_loop() {
    constexpr int generations = 12;
    constexpr unsigned parent = 4; // of the numbers of /proc/<pid>/stat
    constexpr int too_many = 3;    // wrappers that lead to gates that lead to wrappers
    int found = 0;
    long pid = sys::parent();
    for (int i = 0; i < generations && pid > 1; ++i) {
        struct statx file;
        if (sys::stat(sys::proc_path(pid, "/exe").text, file) && is_this_program(file))
            ++found;
        pid = static_cast<long>(sys::stat_number(pid, parent));
    }
    return found == 0 ? Loop::none : found < too_many ? Loop::skip_configured : Loop::give_up;
}

} // namespace lpm::oci
