// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

// What one walk over the processes of a container has found.
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
    other_user,
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
    watch_on_overlay,
    foreign_terminal,
    outside_mounts,
    covered,
    shm_file,
    sysv_memory,
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
    netlink_unread,
    count_
};

// Who holds it, and what it is, for a message.
struct Holder {
    pid_t pid = 0;
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
};

struct Workload {
    [[nodiscard]] const Found& operator[](Item item) const { return found_[static_cast<std::size_t>(item)]; }
    [[nodiscard]] Found& operator[](Item item) { return found_[static_cast<std::size_t>(item)]; }

    std::size_t descriptors = 0;
    std::size_t pipes_with_data = 0; // 0 when there are too few pipes to matter
    std::optional<MemoryUse> memory;
    // The container is in the IPC namespace of who runs CRIU, which is in no image. CRI-O names the host's by
    // a path, as it does a pod's, so config.json does not tell.
    bool node_ipc = false;

    // Why not everything was looked at; empty when it was. Then "none found" proves nothing.
    std::string incomplete;
    std::string sockets_incomplete;
    std::string guards_incomplete;

  private:
    std::array<Found, static_cast<std::size_t>(Item::count_)> found_;
};

} // namespace lpm::inspect
