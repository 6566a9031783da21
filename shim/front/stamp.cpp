// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "front/stamp.hpp"

#include "base/decimal.hpp"
#include "base/paths.hpp"
#include "linux/syscall.hpp"

namespace lpm::front {
namespace {

constexpr int dir_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
// Not even a fifo planted here may keep a container from being resumed.
constexpr int file_flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;

// One line, as it is written.
struct Line {
    char text[160];
    unsigned length = 0;

    void add(const char* word) {
        for (; *word != '\0' && length < sizeof text; ++word)
            text[length++] = *word;
    }
    void add(unsigned long number) {
        char digits[24];
        digits[write_decimal(number, digits)] = '\0';
        add(digits);
    }
};

int enter(int parent, const char* name, bool make) {
    if (make)
        sys::make_dir_at(parent, name, 0700);
    return sys::open_at(parent, name, dir_flags);
}

// Of the containers below this --root; negative when there is none.
int open_folders(const oci::Invocation& call, bool make) {
    char hash[17];
    oci::root_hash(call.text(oci::Option::root), hash);
    const int parent = enter(AT_FDCWD, paths::run_dir, make);
    if (parent < 0)
        return parent;
    const int folders = enter(parent, hash, make);
    sys::close(parent);
    return folders;
}

// CLOCK_BOOTTIME goes on while the machine sleeps, and nobody can set it.
unsigned long now() {
    constexpr int boot_time = 7;
    __kernel_timespec time{};
    sys::clock(boot_time, time);
    return static_cast<unsigned long>(time.tv_sec) * 1'000'000'000UL +
           static_cast<unsigned long>(time.tv_nsec);
}

// When a process was started, from /proc/<pid>/stat: "pid (name) state" and 18 numbers before it. The name
// may hold anything, even parentheses. Empty when it cannot be told.
void add_start(Line& line, unsigned long pid) {
    Line path;
    path.add("/proc/");
    path.add(pid);
    path.add("/stat");
    path.text[path.length] = '\0';
    const int file = sys::open_at(AT_FDCWD, path.text, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    char text[512];
    const long size = sys::read(file, text, sizeof text);
    sys::close(file);
    long at = size - 1;
    while (at > 0 && text[at] != ')')
        --at;
    for (int spaces = 0; at > 0 && at < size && spaces < 20; ++at)
        spaces += text[at] == ' ' ? 1 : 0;
    char digit[2] = {};
    for (; at > 0 && at < size && text[at] >= '0' && text[at] <= '9'; ++at) {
        digit[0] = text[at];
        line.add(digit);
    }
}

void add_pid_namespace(Line& line) {
    char name[64];
    const long size = sys::readlink("/proc/self/ns/pid", name, sizeof name - 1);
    name[size > 0 ? size : 0] = '\0';
    line.add(name);
}

void note_pause(int dir) {
    Line line;
    line.add(now());
    line.add(" ");
    const auto caller = static_cast<unsigned long>(sys::parent());
    line.add(caller);
    line.add(" ");
    add_start(line, caller);
    line.add(" ");
    add_pid_namespace(line);
    line.add("\n");
    const int file = sys::open_at(dir, "paused", O_WRONLY | O_CREAT | O_TRUNC | file_flags, 0600);
    if (file < 0)
        return;
    sys::write(file, line.text, line.length);
    sys::close(file);
}

// The checkpoint of which the gate has left a note is over for the container: the note gets the time, and
// goes where lpm-gate finds it, by the id of the record that it begins with.
void note_end(int dir, const char* how) {
    constexpr unsigned id_length = 26;
    const int file = sys::open_at(dir, "checkpoint", O_RDWR | O_APPEND | file_flags);
    if (file < 0)
        return;
    Line path;
    path.add("../../ended/");
    const unsigned at = path.length;
    const bool read = sys::read(file, path.text + at, id_length) == static_cast<long>(id_length);
    bool valid = read;
    for (unsigned i = at; valid && i < at + id_length; ++i)
        valid = (path.text[i] >= '0' && path.text[i] <= '9') || (path.text[i] >= 'A' && path.text[i] <= 'Z');
    if (valid) {
        path.text[at + id_length] = '\0';
        Line line;
        line.add(how);
        line.add(" ");
        line.add(now());
        line.add("\n");
        sys::write(file, line.text, line.length);
        sys::rename_at(dir, "checkpoint", dir, path.text);
    }
    sys::close(file);
}

} // namespace

void stamp(const oci::Invocation& call) {
    if (!oci::valid_id(call.id))
        return;
    const bool pause = call.verb == oci::Verb::pause;
    const int folders = open_folders(call, pause);
    const int folder = folders < 0 ? folders : enter(folders, call.id, pause);
    if (folder >= 0) {
        if (pause) {
            note_pause(folder);
        } else {
            note_end(folder, call.verb == oci::Verb::resume ? "resumed" : "deleted");
            sys::unlink_at(folder, "paused", 0);
        }
        sys::close(folder);
        if (call.verb == oci::Verb::remove)
            sys::unlink_at(folders, call.id, AT_REMOVEDIR);
    }
    sys::close(folders);
}

} // namespace lpm::front
