// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <unordered_set>
#include <vector>

#include "base/deadline.hpp"
#include "inspect/caller.hpp"
#include "inspect/subject.hpp"
#include "linux/local_files.hpp"
#include "linux/mountinfo.hpp"
#include "oci/bundle.hpp"
#include "oci/state.hpp"

// A container that is to be checkpointed.
namespace lpm::inspect {

// What a check looks for. Each thing that is found is counted below its kind.
enum class Item {
    // processes
    traced,
    outside_init,
    outside_session,
    stopped,
    zombie_leader,
    seccomp_filter,
    nested_namespace,
    shared_memory,
    uninterruptible,
    other_cgroup,
    other_user,
    not_executable,
    on_no_exec, // a program
    own_files,  // of a thread
    own_fs,
    own_cpus, // of a thread or a process
    lost_terminal,
    // descriptors and mappings
    io_uring,
    anon_inode,
    foreign_pidfd,
    device,
    gpu,
    tun_interface,
    tun_of_node,
    ghost,
    unlinked,
    unlinked_on_overlay,
    watch_on_overlay,
    watch_without_handle,
    packet_pipe,
    epoll_elsewhere,
    message_queue,
    foreign_terminal,
    outside_mounts,
    covered,
    shm_file,
    sysv_memory,
    shared_code,
    uprobes,
    huge_memfd,
    guard_page,
    // sockets
    tcp_connected,
    tcp_waiting,
    inet,
    mptcp,
    socket_family,
    unix_foreign,
    unix_datagram_foreign,
    unix_abandoned,
    udp_corked,
    netlink_unread,
    count_
};

// Who holds it, and what it is, for a message.
struct Holder {
    pid_t pid = 0;       // 0: nobody need have it open
    std::string name{};  // of the process
    int fd = -1;         // -1: no descriptor: a mapping, or the process itself
    std::string thing{}; // path, peer, kind
    std::uint64_t bytes = 0;
};

// Of each kind all are counted and the biggest is kept: a message names one, and a container may have
// 100,000 of them.
struct Found {
    std::size_t count = 0;
    Holder holder;
    void add(Holder&& one);
};

struct MemoryUse {
    std::uint64_t private_bytes = 0; // anonymous and swapped: all of it goes into the images
    std::uint64_t shared_bytes = 0;  // counted once per process that maps it: an upper bound
    std::uint64_t file_bytes = 0;    // in memfds, tmpfs mounts and System V segments that nobody has attached
};

// Why not everything was looked at.
struct Gap {
    enum class Why {
        // The deadline was over before all of them were looked at.
        processes,
        descriptors,
        sockets,
        memory,
        too_many_processes, // more than max_processes
        init_unreadable,
        socket_unreadable, // see error
        guards_not_told,   // this kernel does not tell which pages are guards
        stops_not_told,    // nor which processes of a frozen cgroup a signal has stopped
        waits_not_told,    // nor what a thread waits for
        error,
    };
    Why why = Why::error;
    std::string error{}; // what the kernel says
};

// What one walk over the processes has found.
struct Workload {
    [[nodiscard]] const Found& operator[](Item item) const { return found_[static_cast<std::size_t>(item)]; }
    [[nodiscard]] Found& operator[](Item item) { return found_[static_cast<std::size_t>(item)]; }

    std::size_t descriptors = 0;
    // That somebody in the container's network has joined, each once: sockets of the pod, and none can be
    // asked.
    std::vector<std::string> multicast_groups;
    std::size_t pipes_with_data = 0; // 0 when there are too few pipes to matter
    std::optional<MemoryUse> memory;
    // The container is in the IPC namespace of who runs CRIU, which is in no image. CRI-O names the host's by
    // a path, as it does a pod's, so config.json does not tell.
    bool node_ipc = false;
    std::unordered_set<std::uint64_t> segments; // ids of the System V segments that are attached

    // With a gap, "none found" proves nothing.
    std::optional<Gap> gap;
    std::optional<Gap> sockets_gap;
    std::optional<Gap> guards_gap;
    std::optional<Gap> stops_gap;
    std::optional<Gap> threads_gap;
    std::optional<Gap> epolls_gap;
    std::optional<Gap> pipes_gap;
    std::optional<Gap> queues_gap;
    std::optional<Gap> children_gap;
    std::optional<Gap> waiting_gap;
    std::optional<Gap> shared_memory_gap;
    std::optional<Gap> files_gap; // of memory.file_bytes

  private:
    std::array<Found, static_cast<std::size_t>(Item::count_)> found_;
};

// Limits of one walk.
inline constexpr std::size_t max_processes = 100'000;
inline constexpr std::size_t max_descriptors = 1'000'000;

// A standard stream of init that is a regular file.
struct StdioFile {
    int fd = 0;
    std::string path;
    bool in_mounts = true; // its mount is one of the container's
};

// Files of the image that the container has changed and that an archive leaves out.
struct LostFiles {
    std::vector<std::string> paths;
    bool all = true;     // everything was looked at
    bool reached = true; // and each place on the node could be
};

struct ContainerFacts {
    std::optional<oci::State> state;
    bool unknown_to_runtime = false; // it surely has no container of that id
    bool alive = false;
    bool frozen = false;
    bool freezing = false;
    std::vector<procfs::Mount> mounts; // of the init process, below its root; empty when they cannot be read
    bool root_is_no_mount = false;     // its root is a folder within one of them
    std::optional<std::vector<StdioFile>> stdio;
    std::optional<Workload> workload;
    std::optional<LostFiles> lost;
};

// The runtime's state, and what init tells; neither workload nor lost files.
[[nodiscard]] ContainerFacts inspect_container(const Subject& subject);

// The kernel tells where a mount is without links; config.json may name a place that leads over one, as
// /var/run/secrets does in most images. Adds the kernel's name of such a place to bundle.binds.
void add_places_behind_links(const ContainerFacts& container, oci::Bundle& bundle);

// What decides on what the walk counts.
struct WalkOptions {
    const Caller& caller;
    bool terminal = false;         // the container has one
    bool shared_shm = false;       // /dev/shm is the pod's
    std::uint64_t ghost_limit = 0; // bytes
    bool guards = false;           // guard pages matter
    Deadline deadline;
};
// Adds the message queues that lie in the container's own mounts of mqueue, open or not.
void find_queues(const ContainerFacts& container, const oci::Bundle& bundle, Workload& found);

// Adds what is in the container's own mounts of tmpfs, and in the System V segments of its IPC namespace that
// none of its processes has attached, to memory.file_bytes of `found`, which has a memory.
void add_files_in_memory(const ContainerFacts& container, const oci::Bundle& bundle, const Deadline& deadline,
                         Workload& found);

// Walks over the processes of a container that is alive. Nothing when it cannot be told which they are.
[[nodiscard]] std::optional<Workload> inspect_workload(const ContainerFacts& container,
                                                       const WalkOptions& options);

// Nothing when the layers of the root file system cannot be read.
[[nodiscard]] std::optional<LostFiles> find_lost_files(const oci::Bundle& bundle,
                                                       const std::vector<procfs::Mount>& mounts,
                                                       const LocalFiles& node, const Deadline& deadline);

} // namespace lpm::inspect
