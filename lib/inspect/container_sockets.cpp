// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unordered_set>
#include <utility>

#include "inspect/container_walk.hpp"
#include "linux/procfs.hpp"
#include "linux/procnet.hpp"
#include "linux/sockdiag.hpp"

namespace lpm::inspect {

namespace {

constexpr std::size_t max_unix_sockets = 200'000;
constexpr std::size_t enough_pipes = 512;
constexpr int mptcp_protocol = 262; // IPPROTO_MPTCP

// States of a TCP socket that CRIU takes for a connection (criu/sk-tcp.c): ESTABLISHED SYN_SENT FIN_WAIT1
// FIN_WAIT2 CLOSE_WAIT LAST_ACK CLOSING.
constexpr std::uint32_t connected_states =
    1U << 1U | 1U << 2U | 1U << 4U | 1U << 5U | 1U << 8U | 1U << 9U | 1U << 11U;
constexpr unsigned listen_state = 10;
constexpr std::uint32_t tcp_states = connected_states | 1U << listen_state;

struct Family {
    int number;
    std::string_view name;
};
constexpr Family families[] = {
    {AF_VSOCK, "AF_VSOCK"}, {AF_ALG, "AF_ALG"},         {AF_XDP, "AF_XDP"}, {AF_CAN, "AF_CAN"},
    {AF_TIPC, "AF_TIPC"},   {AF_KEY, "AF_KEY"},         {AF_RDS, "AF_RDS"}, {AF_BLUETOOTH, "AF_BLUETOOTH"},
    {AF_PPPOX, "AF_PPPOX"}, {AF_QIPCRTR, "AF_QIPCRTR"},
};

std::string family_name(int domain) {
    for (const Family& family : families)
        if (family.number == domain)
            return std::string(family.name);
    return "family " + std::to_string(domain);
}

// Copies descriptors of other processes, and opens a pidfd only when the process is another than the last.
class Borrower {
  public:
    [[nodiscard]] Result<Fd> borrow(const SocketRef& ref) {
        if (of_ != ref.pid)
            pidfd_ = open_pidfd(of_ = ref.pid);
        return pidfd_ ? borrow_fd(pidfd_->get(), ref.fd) : std::unexpected(pidfd_.error());
    }

  private:
    pid_t of_ = 0;
    Result<Fd> pidfd_;
};

class Sockets {
  public:
    explicit Sockets(Walk& walk) : walk_(walk), refs_(walk.sockets), seen_(refs_.size()) {
        std::ranges::sort(refs_, {}, &SocketRef::inode);
    }

    void tcp(const TcpSocket& socket) {
        // Not taken yet: a multipath socket is listed like any other, and must be asked.
        const SocketRef* ref = find(socket.inode);
        if (ref == nullptr)
            return;
        if (socket.state != listen_state)
            add(Item::tcp_connected, *ref, socket.local.text() + " to " + socket.remote.text());
        else if (socket.waiting > 0)
            add(Item::tcp_waiting, *ref, socket.local.text());
    }

    void other_inet(std::string_view table) {
        while (const auto socket = procfs::next_inet_socket(table)) {
            const SocketRef* ref = take(socket->inode);
            if (ref == nullptr)
                continue;
            add(Item::inet, *ref, procfs::readable_address(socket->local));
            if (socket->send_queue > 0 && is_corked(*ref))
                add(Item::udp_corked, *ref, procfs::readable_address(socket->local));
        }
    }

    void netlink(std::string_view table) {
        while (const auto socket = procfs::next_netlink_socket(table))
            if (const SocketRef* ref = take(socket->inode); ref != nullptr && socket->unread > 0)
                add(Item::netlink_unread, *ref, std::to_string(socket->unread) + " bytes unread");
    }

    void packet(std::string_view table) {
        while (const auto inode = procfs::next_packet_inode(table))
            if (const SocketRef* ref = take(*inode))
                add(Item::inet, *ref, "packet");
    }

    void unix(const std::vector<UnixSocket>& sockets) {
        std::unordered_set<std::uint32_t> waiting_inside;
        for (const UnixSocket& socket : sockets)
            if (socket.listening && held(socket.inode))
                waiting_inside.insert(socket.clients.begin(), socket.clients.end());
        abandoned(sockets);
        for (const UnixSocket& socket : sockets) {
            const SocketRef* ref = take(socket.inode);
            if (ref == nullptr || socket.listening)
                continue;
            const bool waits = socket.waiting && !waiting_inside.contains(socket.inode);
            // With a gap the other end may be where nobody looked.
            if (walk_.workload.gap || (!waits && (socket.peer == 0 || held(socket.peer))))
                continue;
            add(socket.type == SOCK_DGRAM ? Item::unix_datagram_foreign : Item::unix_foreign, *ref,
                name_of_either(sockets, socket));
        }
    }

    // Whoever was not taken from a table: asked itself, through a copy of the descriptor.
    void rest() {
        for (std::size_t i = 0; i < refs_.size(); ++i) {
            if (seen_[i] || (i > 0 && refs_[i].inode == refs_[i - 1].inode))
                continue;
            if (walk_.options.deadline.passed()) {
                walk_.workload.sockets_gap = Gap{Gap::Why::sockets};
                return;
            }
            ask(refs_[i]);
        }
    }

  private:
    // A client that nobody has accepted yet has no inode any more when it is gone.
    void abandoned(const std::vector<UnixSocket>& sockets) {
        for (const UnixSocket& socket : sockets)
            if (std::ranges::find(socket.clients, 0U) != socket.clients.end())
                if (const SocketRef* ref = find(socket.inode))
                    add(Item::unix_abandoned, *ref, socket.name);
    }

    // What is in the queue may as well be on its way to the network, which CRIU does not mind.
    bool is_corked(const SocketRef& ref) {
        const auto own = borrower_.borrow(ref);
        int cork = 0;
        socklen_t size = sizeof cork;
        return own && ::getsockopt(own->get(), IPPROTO_UDP, UDP_CORK, &cork, &size) == 0 && cork != 0;
    }

    static std::string name_of_either(const std::vector<UnixSocket>& sockets, const UnixSocket& socket) {
        const auto peer = std::ranges::find(sockets, socket.peer, &UnixSocket::inode);
        return !socket.name.empty() ? socket.name : peer != sockets.end() ? peer->name : std::string();
    }

    void ask(const SocketRef& ref) {
        const auto own = borrower_.borrow(ref);
        const auto kind = own ? socket_kind(own->get()) : std::unexpected(own.error());
        if (!kind) {
            if (kind.error().sys != EBADF && kind.error().sys != ESRCH) // else closed or ended since
                walk_.workload.sockets_gap = Gap{Gap::Why::socket_unreadable, kind.error().text};
            return;
        }
        const bool ip = kind->domain == AF_INET || kind->domain == AF_INET6;
        if (ip && kind->protocol == mptcp_protocol)
            add(Item::mptcp, ref, {});
        else if (ip && (kind->protocol == IPPROTO_TCP || kind->type == SOCK_DGRAM || kind->type == SOCK_RAW))
            add(Item::inet, ref, {});
        else if (ip)
            add(Item::socket_family, ref, "protocol " + std::to_string(kind->protocol));
        else if (kind->domain != AF_UNIX && kind->domain != AF_NETLINK && kind->domain != AF_PACKET)
            add(Item::socket_family, ref, family_name(kind->domain));
    }

    [[nodiscard]] bool held(std::uint64_t inode) const {
        return std::ranges::binary_search(refs_, inode, {}, &SocketRef::inode);
    }

    [[nodiscard]] const SocketRef* find(std::uint64_t inode) const {
        const auto at = std::ranges::lower_bound(refs_, inode, {}, &SocketRef::inode);
        return inode == 0 || at == refs_.end() || at->inode != inode ? nullptr : &*at;
    }

    const SocketRef* take(std::uint64_t inode) {
        const SocketRef* first = find(inode);
        if (first == nullptr)
            return nullptr;
        for (auto i = static_cast<std::size_t>(first - refs_.data());
             i < refs_.size() && refs_[i].inode == inode; ++i)
            seen_[i] = true;
        return first;
    }

    void add(Item item, const SocketRef& ref, std::string thing) {
        Found& found = walk_.workload[item];
        if (found.count++ > 0)
            return; // names are read for the one that is shown
        found.holder = {ref.pid, name_of_process(ref.pid), ref.fd, std::move(thing)};
    }

    Walk& walk_;
    std::vector<SocketRef>& refs_;
    std::vector<bool> seen_;
    Borrower borrower_;
};

// All of the namespace, which the pod shares: its processes see the same. The kernel may have no such
// protocol.
std::string table(Walk& walk, std::string_view name) {
    auto text = procfs::read_proc(walk.container.state->init, "net/" + std::string(name));
    if (!text)
        note_unread(walk.workload.sockets_gap, text.error());
    return std::move(text).value_or(std::string());
}

void list_by_diag(Walk& walk, Sockets& sockets) {
    auto& gap = walk.workload.sockets_gap;
    const auto diag = SockDiag::open(walk.container.state->init);
    if (!diag)
        return note_unread(gap, diag.error());
    for (const int domain : {AF_INET, AF_INET6})
        if (const auto listed = diag->each_tcp(domain, tcp_states, walk.options.deadline,
                                               [&](const TcpSocket& socket) { sockets.tcp(socket); });
            !listed && !gap)
            gap = Gap{Gap::Why::error, listed.error().text};
    if (const auto all = diag->list_unix(max_unix_sockets))
        sockets.unix(*all);
    else if (!gap)
        gap = Gap{Gap::Why::error, all.error().text};
}

// The node's own daemons are in many; and nobody joins one without a socket of IP.
void find_multicast_groups(Walk& walk) {
    constexpr std::size_t most = 100;
    auto& groups = walk.workload.multicast_groups;
    if (walk.node_network || walk.workload[Item::inet].count == 0)
        return;
    const auto gather = [&](std::string_view text, auto next) {
        for (auto group = next(text); group && groups.size() < most; group = next(text))
            if (!std::ranges::contains(groups, *group))
                groups.push_back(*std::move(group));
    };
    gather(table(walk, "igmp"), procfs::next_igmp_group);
    gather(table(walk, "igmp6"), procfs::next_igmp6_group);
}

// Of a pipe in packet mode the end that is written to has the flag, and only that (fs/pipe.c). Nobody writes
// to standard input.
void walk_pipes(Walk& walk) {
    auto& pipes = walk.pipes;
    const bool count_full = pipes.size() > enough_pipes;
    std::unordered_set<std::uint64_t> counted;
    std::unordered_set<std::uint64_t> judged;
    Borrower borrower;
    for (const SocketRef& pipe : pipes) { // in the order of the processes
        const bool fresh = count_full && counted.insert(pipe.inode).second;
        if (!fresh && (pipe.fd == 0 || judged.contains(pipe.inode) || walk.workload.pipes_gap))
            continue;
        if (walk.options.deadline.passed()) {
            walk.workload.gap = Gap{Gap::Why::descriptors};
            return;
        }
        const auto own = borrower.borrow(pipe);
        if (!own) {
            if (own.error().sys != EBADF) // else closed since
                note_unread(fresh ? walk.workload.gap : walk.workload.pipes_gap, own.error());
            continue;
        }
        const int flags = ::fcntl(own->get(), F_GETFL);
        if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && judged.insert(pipe.inode).second &&
            (flags & O_DIRECT) != 0)
            walk.workload[Item::packet_pipe].add({pipe.pid, name_of_process(pipe.pid), pipe.fd});
        int unread = 0;
        if (fresh && ::ioctl(own->get(), FIONREAD, &unread) == 0 && unread > 0)
            ++walk.workload.pipes_with_data;
    }
}

} // namespace

void walk_sockets(Walk& walk) {
    walk_pipes(walk);
    if (walk.sockets.empty())
        return;
    // A list of the node's sockets may take longer than all that came before.
    if (walk.options.deadline.passed()) {
        walk.workload.sockets_gap = Gap{Gap::Why::sockets};
        return;
    }
    Sockets sockets(walk);
    list_by_diag(walk, sockets);
    for (const auto* name : {"udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6"})
        sockets.other_inet(table(walk, name));
    sockets.netlink(table(walk, "netlink"));
    sockets.packet(table(walk, "packet"));
    sockets.rest();
    find_multicast_groups(walk);
}

} // namespace lpm::inspect
