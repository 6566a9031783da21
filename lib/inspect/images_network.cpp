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
#include "inspect/facts.hpp"
#include "inspect/images.hpp"
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

std::optional<Fd> open_network(const oci::Bundle& bundle) {
    const std::string path =
        bundle.network_namespace ? oci::joined_path(bundle, "network") : "/proc/self/ns/net";
    if (path.empty())
        return std::nullopt;
    auto net = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
    return net ? std::optional(*std::move(net)) : std::nullopt;
}

namespace {

std::string with_port(std::uint32_t family, const std::array<std::uint32_t, 4>& words, std::uint16_t port) {
    return address_of(family, words, 0).text + " port " + std::to_string(port);
}

} // namespace

void find_connections(const Facts& facts, const criu::ImageSource& source, const criu::Files& files,
                      Target& target) {
    std::vector<std::string> connections;
    bool whole = true;
    for (const auto& socket : files.isk) {
        if (!is_connection(socket))
            continue;
        if (facts.deadline->passed())
            return;
        whole = whole && source.has(criu::tcp_stream_img(socket.ino));
        if (connections.size() < max_named)
            connections.push_back(with_port(socket.family, socket.src_addr, socket.src_port) + " with " +
                                  with_port(socket.family, socket.dst_addr, socket.dst_port));
    }
    target.connections_whole = whole && !connections.empty();
    target.connections = std::move(connections);
}

void compare_addresses(const Facts& facts, const criu::Files& files, Target& target) {
    std::vector<std::string> missing;
    std::vector<std::string> missing_ends;
    std::vector<std::string> taken;
    std::set<std::string> seen;
    const auto net = open_network(*facts.bundle);
    for (const auto& socket : files.isk) {
        if (!net)
            break; // a new namespace
        if (seen.size() >= max_tries || facts.deadline->passed())
            return;
        if (socket.family != AF_INET && socket.family != AF_INET6)
            continue;
        const std::string text = address_of(socket.family, socket.src_addr, 0).text;
        const bool end = is_connection(socket);
        if ((end || needs_address(socket)) && !is_any(socket) &&
            seen.insert((end ? "end " : "") + text).second &&
            try_bind(net->get(), socket, SOCK_DGRAM, 0) == EADDRNOTAVAIL)
            (end ? missing_ends : missing).push_back(text);
        if (socket.proto != IPPROTO_TCP || socket.state != listening || socket.src_port == 0)
            continue;
        const std::string place = with_port(socket.family, socket.src_addr, socket.src_port);
        if (seen.insert(place).second &&
            try_bind(net->get(), socket, SOCK_STREAM, socket.src_port) == EADDRINUSE)
            taken.push_back(place);
    }
    target.missing_addresses = std::move(missing);
    target.missing_ends = std::move(missing_ends);
    target.taken_ports = std::move(taken);
}

} // namespace lpm::inspect
