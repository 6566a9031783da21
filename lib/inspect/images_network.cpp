// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.hpp"
#include "inspect/images_parts.hpp"
#include "linux/sockdiag.hpp"

namespace lpm::inspect {

namespace {

constexpr std::size_t max_tries = 256;  // sockets that are tried; each takes about 0.1 ms
constexpr std::uint32_t closed = 7;     // TCP_CLOSE
constexpr std::uint32_t listening = 10; // TCP_LISTEN

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    std::string text;
};

Address address_of(std::uint32_t family, const std::array<std::uint32_t, 4>& words, std::uint16_t port) {
    Address address;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (family == AF_INET) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        std::memcpy(&in.sin_addr, words.data(), sizeof in.sin_addr);
        std::memcpy(&address.storage, &in, sizeof in);
        address.size = sizeof in;
        ::inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(port);
        std::memcpy(&in.sin6_addr, words.data(), sizeof in.sin6_addr);
        std::memcpy(&address.storage, &in, sizeof in);
        address.size = sizeof in;
        ::inet_ntop(AF_INET6, &in.sin6_addr, text.data(), text.size());
    }
    address.text = text.data();
    return address;
}

// CRIU's tcp_connection() (criu/sk-inet.c).
bool is_connection(const criu::InetSkEntry& socket) {
    return socket.proto == IPPROTO_TCP && socket.dst_port != 0;
}

// CRIU binds those of IPv6 whether the address is there or not (IP_FREEBIND).
bool needs_address(const criu::InetSkEntry& socket) {
    return socket.family == AF_INET && !socket.freebind &&
           (socket.proto != IPPROTO_TCP || socket.state == listening || socket.state == closed);
}

bool is_any(const criu::InetSkEntry& socket) {
    return std::ranges::all_of(socket.src_addr, [](std::uint32_t word) { return word == 0; });
}

// The kernel judges: what bind(2) says of such a socket in that network namespace; 0 when it may.
int try_bind(int net, const criu::InetSkEntry& socket, int type, std::uint16_t port) {
    const auto family = static_cast<int>(socket.family);
    const auto trial = socket_in(net, family, type, 0);
    if (!trial)
        return 0;
    const int yes = 1;
    // As CRIU does: then only who has not asked for it is in the way.
    ::setsockopt(trial->get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    ::setsockopt(trial->get(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    if (family == AF_INET6) {
        const int only = socket.v6only ? 1 : 0;
        ::setsockopt(trial->get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    }
    const Address address = address_of(socket.family, socket.src_addr, port);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address.storage);
    return ::bind(trial->get(), generic, address.size) == 0 ? 0 : errno;
}

} // namespace

// The one that the caller is in.
static std::string own_network(const Caller& caller) {
    return "/proc/" + (caller.pid == 0 ? std::string("self") : std::to_string(caller.pid)) + "/ns/net";
}

std::optional<Fd> open_network(const oci::Bundle& bundle, const Caller& caller) {
    const std::string joined = oci::joined_path(bundle, "network");
    if (bundle.network_namespace && joined.empty())
        return std::nullopt;
    const std::string path = bundle.network_namespace ? caller.root + joined : own_network(caller);
    auto net = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
    return net ? std::optional(*std::move(net)) : std::nullopt;
}

namespace {

Endpoint endpoint(std::uint32_t family, const std::array<std::uint32_t, 4>& words, std::uint16_t port) {
    return {address_of(family, words, port).text, port};
}

} // namespace

void find_connections(const criu::ImageSource& source, const criu::Files& files, const Deadline& deadline,
                      ImageFacts& facts) {
    std::vector<Connection> connections;
    bool whole = true;
    for (const auto& socket : files.isk) {
        if (!is_connection(socket))
            continue;
        if (deadline.passed())
            return;
        whole = whole && source.has(criu::tcp_stream_img(socket.ino));
        if (connections.size() < max_named)
            connections.push_back({endpoint(socket.family, socket.src_addr, socket.src_port),
                                   endpoint(socket.family, socket.dst_addr, socket.dst_port)});
    }
    facts.tcp_streams = whole && !connections.empty();
    facts.connections = std::move(connections);
}

void compare_addresses(const criu::Files& files, const oci::Bundle& bundle, const Caller& caller,
                       const Deadline& deadline, ImageFacts& facts) {
    std::vector<std::string> missing;
    std::vector<std::string> missing_local;
    std::vector<Endpoint> taken;
    std::set<std::string> seen;
    const auto net = open_network(bundle, caller);
    for (const auto& socket : files.isk) {
        if (!net)
            break; // a new namespace
        if (seen.size() >= max_tries || deadline.passed())
            return;
        if (socket.family != AF_INET && socket.family != AF_INET6)
            continue;
        const std::string text = address_of(socket.family, socket.src_addr, 0).text;
        const bool connected = is_connection(socket);
        if ((connected || needs_address(socket)) && !is_any(socket) &&
            seen.insert((connected ? "connected " : "") + text).second &&
            try_bind(net->get(), socket, SOCK_DGRAM, 0) == EADDRNOTAVAIL)
            (connected ? missing_local : missing).push_back(text);
        if (socket.proto != IPPROTO_TCP || socket.state != listening || socket.src_port == 0)
            continue;
        if (seen.insert(text + " port " + std::to_string(socket.src_port)).second &&
            try_bind(net->get(), socket, SOCK_STREAM, socket.src_port) == EADDRINUSE)
            taken.push_back({text, socket.src_port});
    }
    facts.missing_addresses = std::move(missing);
    facts.missing_local_addresses = std::move(missing_local);
    facts.taken_ports = std::move(taken);
}

} // namespace lpm::inspect
