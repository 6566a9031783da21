// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "front/stamp.hpp"

#include "base/fixed_text.hpp"
#include "base/paths.hpp"
#include "linux/raw_proc.hpp"
#include "linux/syscall.hpp"

namespace lpm::front {
namespace {

constexpr int dir_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
// Not even a fifo planted here may keep a container from being resumed.
constexpr int file_flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;

// A line of a note, or a path.
using Line = FixedText<160>;

// Opens a folder; negative when there is none.
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
    const long caller = sys::parent();
    line.add(static_cast<unsigned long>(caller));
    line.add(" ");
    constexpr unsigned start_time = 22;
    if (const unsigned long start = sys::stat_number(caller, start_time))
        line.add(start); // left out when it cannot be told
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
    char id[id_length + 1];
    bool valid = sys::read(file, id, id_length) == static_cast<long>(id_length);
    for (unsigned i = 0; valid && i < id_length; ++i)
        valid = (id[i] >= '0' && id[i] <= '9') || (id[i] >= 'A' && id[i] <= 'Z');
    if (valid) {
        id[id_length] = '\0';
        Line path;
        path.add("../../ended/");
        path.add(id);
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
