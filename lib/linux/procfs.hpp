// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cerrno>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/result.hpp"

// Readers of /proc/PID, with PID 0 for ourselves. Each has a parser of its own that takes text, so that it
// can be fuzzed. Descriptors, mappings, mounts and sockets have headers of their own beside this one.
namespace lpm::procfs {

// Text of /proc/PID/<file>; Errc::unavailable above 32 MiB (the mappings of 2^18 areas stay below).
[[nodiscard]] Result<std::string> read_proc(pid_t pid, std::string_view file);
// What the link /proc/PID/<file> points at: a path, "pipe:[1234]" or "net:[4026531840]".
[[nodiscard]] Result<std::string> read_proc_link(pid_t pid, std::string_view file);

// The process, thread or descriptor has ended since, or the kernel has nothing of the kind; any other error
// of a read in /proc leaves open what is there.
[[nodiscard]] inline bool is_gone(const Error& error) {
    return error.sys == ENOENT || error.sys == ESRCH;
}

// Inode of the namespace of that kind ("net").
[[nodiscard]] Result<ino_t> read_namespace(pid_t pid, std::string_view kind);

// The first process of /proc for which it holds; 0 when there is none.
[[nodiscard]] pid_t find_process(const std::function<bool(pid_t)>& holds);

// Of the text of /proc/PID/environ, the first variable of that name, as getenv(3) finds it; empty when there
// is none.
[[nodiscard]] std::string_view find_variable(std::string_view variables, std::string_view name);

struct Stat {
    char state = '?'; // R S D T t Z X I
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;       // 0: its leader is outside of our pid namespace
    int terminal = 0;        // tty_nr: kernel's device number, 0 for none
    std::uint64_t start = 0; // clock ticks after boot
    std::uint64_t size = 0;  // of its address space, in bytes

    // Nothing of it runs any more.
    [[nodiscard]] bool ended() const { return state == 'Z' || state == 'X'; }
};
[[nodiscard]] Result<Stat> parse_stat(std::string_view text);
[[nodiscard]] Result<Stat> read_stat(pid_t pid);
// The process that was started at `start` is surely gone, or nothing of it runs any more. What cannot be read
// may well be alive.
[[nodiscard]] bool has_ended(pid_t pid, std::uint64_t start);

// Sizes in bytes, from status: never smaps, whose walk of a big process takes seconds.
struct Memory {
    std::uint64_t anon = 0;  // RssAnon
    std::uint64_t shmem = 0; // RssShmem
    std::uint64_t swap = 0;  // VmSwap: anonymous pages only
};

// Of a process's users, or of its groups, as our user namespace numbers them.
struct Ids {
    std::uint32_t real = 0;
    std::uint32_t effective = 0;
    std::uint32_t saved = 0;
    [[nodiscard]] bool operator==(const Ids&) const = default;
};

struct Status {
    std::string name; // comm, as the kernel escapes it
    char state = '?';
    pid_t tracer = 0;             // TracerPid
    unsigned threads = 0;         // Threads
    std::vector<pid_t> ns_pids;   // NSpid: from our pid namespace down to its own
    std::vector<pid_t> ns_groups; // NSpgid
    std::vector<pid_t> ns_sids;   // NSsid
    Ids users;                    // Uid
    Ids groups;                   // Gid
    std::string cpus;             // Cpus_allowed_list: "0-3,8"
    int seccomp = 0;              // 0 off, 1 strict, 2 filter
    std::uint64_t cap_eff = 0;    // CapEff, a bit per capability
    std::uint64_t switches = 0;   // voluntary_ctxt_switches and the others: grows whenever it goes on
    Memory memory;
};
// Lines that are missing or broken leave the default.
[[nodiscard]] Status parse_status(std::string_view text);
[[nodiscard]] Result<Status> read_status(pid_t pid);

// Of the text of /proc/PID/task/TID/children: what that thread has started or adopted; none where it is
// broken.
[[nodiscard]] std::vector<pid_t> parse_children(std::string_view text);
[[nodiscard]] Result<std::vector<pid_t>> read_children(pid_t thread);

// A segment of System V shared memory, of /proc/sysvipc/shm.
struct SharedSegment {
    std::uint64_t id = 0;       // inode of its mappings
    std::uint64_t resident = 0; // bytes
    std::uint64_t swapped = 0;
};
// Those of the reader's IPC namespace. Lines that are broken are left out.
[[nodiscard]] std::vector<SharedSegment> parse_segments(std::string_view text);

// MemAvailable of /proc/meminfo, in bytes; Errc::absent when the line is missing.
[[nodiscard]] Result<std::uint64_t> parse_available_memory(std::string_view meminfo);
[[nodiscard]] Result<std::uint64_t> read_available_memory();

// How many processes of this node the kernel has killed for want of memory, of a cgroup's as well: oom_kill
// of /proc/vmstat (Linux 4.13). Nothing when it does not tell.
[[nodiscard]] std::optional<std::uint64_t> parse_oom_kills(std::string_view vmstat);
[[nodiscard]] std::optional<std::uint64_t> read_oom_kills();

} // namespace lpm::procfs
