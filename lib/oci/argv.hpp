// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>

// runc's command line as tables. Front and gate read it with the same function, so they agree on what is
// gated. Freestanding: no libc, no pointer in static data (the front has nobody to apply relocations).
namespace lpm::oci {

// remove: runc's `delete`, which is a word of the language.
enum class Verb : std::uint8_t {
    other,
    checkpoint,
    restore,
    pause,
    resume,
    remove,
    create,
    start,
    state,
    kill
};

// Every flag that these verbs know, and runc's global flags.
enum class Option : std::uint8_t {
    // global
    debug,
    log,
    log_format,
    root,
    systemd_cgroup,
    rootless,
    criu,
    // checkpoint and restore
    image_path,
    work_path,
    parent_path,
    leave_running,
    tcp_established,
    tcp_skip_in_flight,
    link_remap,
    ext_unix_sk,
    shell_job,
    file_locks,
    pre_dump,
    auto_dedup,
    lazy_pages,
    status_fd,
    page_server,
    manage_cgroups_mode,
    empty_ns,
    // restore only
    console_socket,
    bundle,
    detach,
    pid_file,
    no_subreaper,
    no_pivot,
    lsm_profile,
    lsm_mount_context,
    // create only
    pidfd_socket,
    no_new_keyring,
    preserve_fds,
    // delete
    force,
    // kill, and crun's state and delete
    all,
    regex,
    // crun only
    cgroup_manager,
    log_level,
    network_lock,
    tcp_close,
    count
};

// What a command line asks for, as far as lpm cares. Pointers point into argv.
struct Invocation {
    Verb verb = Verb::other;
    // A checkpoint or restore of one container that runc will act on: not `--help`, not a flag without its
    // value (the lsm probe), not a missing or second id, not a flag that no known runc has. When this is
    // false for checkpoint or restore, runc answers by itself and must be reached unchanged.
    bool gated = false;
    int verb_at = 0;              // index of the verb in argv; 0 when there is none
    const char* id = nullptr;     // the only positional after the verb, or the first of `kill`; else nullptr
    const char* signal = nullptr; // of `kill`: the second positional, if there is one
    const char* values[static_cast<std::size_t>(Option::count)] = {};
    bool set[static_cast<std::size_t>(Option::count)] = {};

    // Value of a flag that takes one; nullptr when it was not given. The last one wins, as in runc.
    [[nodiscard]] const char* text(Option o) const { return values[static_cast<std::size_t>(o)]; }
    // A boolean flag; false when it was not given.
    [[nodiscard]] bool on(Option o) const { return set[static_cast<std::size_t>(o)]; }
};

// Reads argv[1..argc). Never fails: what cannot be told is Verb::other or not gated.
[[nodiscard]] Invocation parse(int argc, const char* const* argv);

// runc's rule for a container id (libcontainer validateID): [A-Za-z0-9_+.-]+, not "." or "..".
// lpm also refuses more than 1024 bytes. No path is ever built from an id that fails it.
[[nodiscard]] bool valid_id(const char* id);

// runc's --root where none is given.
inline constexpr char default_root[] = "/run/runc";

// Name below /run/lpm of the state of containers under this --root (nullptr: runc's default, /run/runc):
// 16 hex digits of FNV-1a over the path without trailing slashes, NUL-terminated into out.
void root_hash(const char* root, char (&out)[17]);

} // namespace lpm::oci
