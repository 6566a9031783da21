// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/mountinfo.hpp"
#include "linux/netlink.hpp"
#include "linux/nftables.hpp"
#include "linux/procfd.hpp"
#include "linux/procfs.hpp"
#include "linux/procmaps.hpp"
#include "linux/procnet.hpp"
#include "linux/sockdiag.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

static void expect(bool holds) {
    if (!holds)
        std::abort();
}

static bool lies_in(std::string_view part, std::string_view whole) {
    return part.empty() ||
           (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// Every call takes something off the text, or a caller's loop would not end.
template <class Next, class See> static void walk(std::string_view text, Next next, See see) {
    for (auto rest = text;;) {
        const auto before = rest.size();
        const auto found = next(rest);
        expect(found ? rest.size() < before : rest.empty());
        if (!found)
            return;
        see(*found);
    }
}

static void tables(std::string_view text) {
    walk(text, procfs::next_mapping, [&](const procfs::Mapping& mapping) {
        expect(mapping.start <= mapping.end && lies_in(mapping.path, text));
    });
    walk(text, procfs::next_inet_socket, [&](const procfs::InetSocket& socket) {
        expect(lies_in(socket.local, text) && lies_in(socket.remote, text));
        expect(!procfs::readable_address(socket.local).empty());
    });
    walk(text, procfs::next_netlink_socket, [](const procfs::NetlinkSocket&) {});
    walk(text, procfs::next_packet_inode, [](std::uint64_t) {});
    walk(text, procfs::next_igmp_group, [](const std::string& group) { expect(group.size() < 16); });
    walk(text, procfs::next_igmp6_group, [](const std::string& group) { expect(group.size() < 40); });
}

static void mounts(std::string_view text) {
    const auto mounts = procfs::parse_mountinfo(text);
    for (const char* path : {"/", "/var/lib/kubelet", "relative"}) {
        const auto* mount = procfs::mount_of(mounts, path);
        expect(mount == nullptr || std::string_view(path).starts_with(mount->point));
    }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)procfs::parse_stat(text);
    (void)procfs::parse_status(text);
    (void)procfs::parse_available_memory(text);
    expect(procfs::parse_children(text).size() <= (text.size() + 1) / 2);
    expect(procfs::parse_segments(text).size() <= text.size() / 31); // sixteen numbers and blanks
    expect(procfs::parse_fdinfo(text).watched.size() <= 4096);
    (void)procfs::inode_of_link(text, "socket");
    expect(lies_in(procfs::find_variable(text, "PATH"), text));
    expect(procfs::readable_address(text).empty() == text.empty());
    tables(text);
    mounts(text);
    std::vector<UnixSocket> sockets;
    (void)parse_unix_diag(text, sockets);
    (void)parse_inet_diag(text, [](const TcpSocket& socket) { expect(!socket.local.text().empty()); });
    std::vector<FilterChain> chains;
    (void)parse_filter_chains(text, chains);
    expect(netlink::error_of(text) >= 0);
    expect(chains.size() <= text.size() / 20); // each has its own head
    return 0;
}
