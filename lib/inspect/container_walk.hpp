// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "inspect/container.hpp"
#include "linux/procfs.hpp"

// The walk: each process, thread, descriptor and mapping is looked at once. Needs nothing from the processes
// themselves, so a frozen container is as good as a running one.
namespace lpm::inspect {

struct SocketRef { // or a pipe
    std::uint64_t inode;
    pid_t pid;
    int fd;
};

struct Process {
    pid_t pid = 0;
    std::string name;
    bool init = false;
    bool own_mounts = false; // in a mount namespace of its own: init's mounts say nothing of its files
};

// A process's end of a pseudo terminal.
struct Terminal {
    unsigned index = 0;
    Holder holder;
};

// A thread in a sleep that no signal ends.
struct Waiting {
    Process process;
    pid_t thread = 0;
    std::uint64_t switches = 0; // its Status::switches
};

// Of a mount, as far as the files on it are concerned.
enum class Place { fine, outside, shm, covered, queue };

// What the parts of the walk share.
struct Walk {
    const ContainerFacts& container;
    const WalkOptions& options;
    Workload& workload;
    std::unordered_set<pid_t> pids; // of the container
    std::size_t depth = 1;          // of init's pid namespace below ours, which counts as 1
    bool node_network = false;      // init is in the caller's network namespace, where CRIU will run as well
    bool fuse = false;              // it has a mount whose files a daemon serves
    bool over = false;              // the deadline has passed, or there are too many of them
    std::vector<SocketRef> sockets{};
    std::vector<SocketRef> pipes{};
    std::size_t threads = 0;                                   // that were compared with their process
    std::unordered_map<int, Place> places{};                   // by id of the mount
    std::unordered_map<std::uint64_t, std::uint64_t> memfds{}; // bytes by inode
    std::unordered_set<std::string> programs{};                // that were looked at
    std::vector<std::string> usual_cpus{}; // what processes have that ask for nothing, as status has it
    std::vector<Terminal> terminals{};
    std::unordered_set<unsigned> masters{}; // indices of the terminals whose other end is held
    std::map<pid_t, pid_t> strangers{};     // children that are not among `pids`, and their parents
    std::vector<Waiting> waiting{};
    std::unordered_set<pid_t> in_vfork{}; // which may wait for the child that has their memory
};

[[nodiscard]] std::string name_of_process(pid_t pid); // "?" when it has ended

// Something of a process could not be read: "none found" proves nothing, unless it has gone since.
void note_unread(std::optional<Gap>& gap, const Error& error);

// Of the mount with that id, where a file of that device lies.
[[nodiscard]] Place find_place(const Walk& walk, int id, dev_t device);

// The parts, each of one process, or of what was gathered by then.
void walk_descriptors(Walk& walk, const Process& process);
void walk_mappings(Walk& walk, const Process& process);
void note_mappings(Walk& walk, const Process& process, std::string_view maps); // text of /proc/PID/maps
void walk_guards(Walk& walk, const Process& process, std::string_view maps);
void walk_epolls(Walk& walk, const Process& process, const std::vector<int>& epolls,
                 std::vector<int>&& descriptors);
void find_usual_cpus(Walk& walk, const procfs::Status& of_init);
void note_affinity(Walk& walk, const Process& process, const procfs::Status& status);
void walk_threads(Walk& walk, const Process& process);
void note_children(Walk& walk, const Process& process, pid_t thread);
void find_moved(Walk& walk); // among the strangers
[[nodiscard]] bool is_fuse(const procfs::Mount& mount);
void note_waiting(Walk& walk, const Process& process, pid_t thread, char state);
void find_uninterruptible(Walk& walk); // among those that wait
void note_program(Walk& walk, const Process& process, std::string_view maps);
void note_foreign_terminals(Walk& walk);
void walk_sockets(Walk& walk);

} // namespace lpm::inspect
