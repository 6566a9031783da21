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

// True if our parent runs `path`: as its program, or as the script that its interpreter was given. Then
// `path` is a wrapper that calls us instead of runc, and does not exec but fork.
bool called_by(const char* path) {
    char words[1024];
    const long size = sys::read_proc(sys::parent(), "/cmdline", words, sizeof(words) - 1);
    words[size] = '\0';
    long second = 0;
    while (second < size && words[second] != '\0')
        ++second;
    const char* candidates[] = {words, second < size ? words + second + 1 : words};
    for (const char* word : candidates)
        if (starts_with(word, path) && starts_with(path, word))
            return true;
    return false;
}

bool usable(const char* path) {
    struct statx file;
    return sys::stat(path, file) && (file.stx_mode & sys::file_type) == sys::regular_file &&
           !is_this_program(file);
}

} // namespace

bool find_runtime(RuntimePath& at, Loop loop) {
    if (loop == Loop::give_up)
        return false;
    if (at.next == 0) {
        ++at.next;
        resolve(paths::configured_runtime, at.text);
        if (other_implementation(at.text)) {
            at.next = place_count + 1;
            return usable(at.text);
        }
        // A plain runc is not asked whether it is our parent: it would cost every call three system calls.
        if (loop == Loop::none && usable(at.text) &&
            (starts_with(base_name(at.text), "runc") || !called_by(at.text)))
            return true;
    }
    while (at.next <= place_count) {
        copy(paths::usual_places[at.next++ - 1], at.text);
        if (usable(at.text))
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
    constexpr int process_cpu_time = 2; // CLOCK_PROCESS_CPUTIME_ID, which <linux/time.h> keeps for itself
    __kernel_timespec burnt;
    if (!sys::clock(process_cpu_time, burnt) || burnt.tv_sec < 5)
        return Loop::none;
    return burnt.tv_sec < 60 ? Loop::skip_configured : Loop::give_up;
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
