// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <iterator>
#include <string>
#include <sys/socket.h>

#include "base/text.hpp"
#include "convert_processes.hpp"

namespace lpm::sidecar {

static constexpr std::size_t longest_path = 4096;

static std::string path_text(std::string_view path) {
    return to_utf8(path.substr(0, longest_path));
}

template <std::size_t size>
static std::string word_at(const std::array<std::string_view, size>& words, std::uint32_t number) {
    return number < size ? std::string(words[number]) : std::string();
}

// enum sock_type of the kernel (include/linux/net.h).
static std::string type_of_socket(std::uint32_t type) {
    constexpr std::array<std::string_view, 6> types = {"", "STREAM", "DGRAM", "RAW", "RDM", "SEQPACKET"};
    return word_at(types, type);
}

// include/net/tcp_states.h, by the names that checkpointctl has for them.
static std::string state_of_socket(std::uint32_t state) {
    constexpr std::array<std::string_view, 13> states = {
        "",      "ESTABLISHED", "SYN_SENT", "SYN_RECEIVED", "FIN_WAIT_1", "FIN_WAIT_2",  "TIME_WAIT",
        "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",       "CLOSING",    "NEW_SYN_RECV"};
    return word_at(states, state);
}

static std::string protocol_of(std::uint32_t number) {
    static constexpr struct {
        std::uint32_t number;
        std::string_view name;
    } protocols[] = {{IPPROTO_ICMP, "ICMP"}, {IPPROTO_IGMP, "IGMP"},     {IPPROTO_TCP, "TCP"},
                     {IPPROTO_UDP, "UDP"},   {IPPROTO_ICMPV6, "ICMPV6"}, {IPPROTO_UDPLITE, "UDPLITE"},
                     {IPPROTO_RAW, "RAW"}};
    const auto* found = std::ranges::find(protocols, number, [](const auto& one) { return one.number; });
    return found == std::end(protocols) ? std::to_string(number) : std::string(found->name);
}

static std::string address_text(std::uint32_t family, const std::array<std::uint32_t, 4>& words) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const auto* done = ::inet_ntop(static_cast<int>(family), words.data(), text.data(), text.size());
    return done == nullptr ? std::string() : std::string(done);
}

static void set_buffers(const criu::SkOptsEntry& from, node::v1::ArchiveSocket& to) {
    to.set_send_buffer(from.so_sndbuf);
    to.set_receive_buffer(from.so_rcvbuf);
}

// A file of which only its kind is known.
static std::string path_by_id(const criu::FdinfoEntry& from) {
    return std::string(criu::name_of(from.type)) + "." + std::to_string(from.id);
}

namespace {

struct Describe {
    const criu::FdinfoEntry& from;
    node::v1::ArchiveDescriptor& to;

    void operator()(std::monostate) const { to.set_path(path_by_id(from)); }
    void operator()(const criu::RegFileEntry& file) const { to.set_path(path_text(file.name)); }
    void operator()(const criu::PipeEntry& pipe) const {
        to.set_path("pipe[" + std::to_string(pipe.pipe_id) + "]");
    }
    void operator()(const criu::InetSkEntry& socket) const {
        to.set_path(path_by_id(from));
        node::v1::ArchiveSocket& one = *to.mutable_socket();
        one.set_family(socket.family == AF_INET6 ? "INET6" : "INET");
        one.set_type(type_of_socket(socket.type));
        one.set_protocol(protocol_of(socket.proto));
        one.set_state(state_of_socket(socket.state));
        one.set_source(address_text(socket.family, socket.src_addr));
        one.set_source_port(socket.src_port);
        one.set_destination(address_text(socket.family, socket.dst_addr));
        one.set_destination_port(socket.dst_port);
        set_buffers(socket.opts, one);
    }
    void operator()(const criu::UnixSkEntry& socket) const {
        std::string name = path_text(socket.name.empty() ? socket.abstract : socket.name);
        if (socket.name.empty() && !name.empty())
            name.insert(0, 1, '@');
        std::ranges::replace(name, '\0', '@'); // as ss shows it
        to.set_path("unix[" + std::to_string(socket.ino) + " (" + std::to_string(socket.peer) + ") " + name +
                    "]");
        node::v1::ArchiveSocket& one = *to.mutable_socket();
        one.set_family("UNIX");
        one.set_type(type_of_socket(socket.type));
        one.set_state(state_of_socket(socket.state));
        one.set_source(name);
        set_buffers(socket.opts, one);
    }
    void operator()(const criu::PacketSockEntry& socket) const {
        to.set_path(path_by_id(from));
        node::v1::ArchiveSocket& one = *to.mutable_socket();
        one.set_family("PACKET");
        one.set_type(type_of_socket(socket.type));
        one.set_protocol(std::to_string(ntohs(static_cast<std::uint16_t>(socket.protocol))));
        set_buffers(socket.opts, one);
    }
    void operator()(const criu::NetlinkSkEntry& socket) const {
        to.set_path(path_by_id(from));
        node::v1::ArchiveSocket& one = *to.mutable_socket();
        one.set_family("NETLINK");
        one.set_protocol(std::to_string(socket.protocol));
        set_buffers(socket.opts, one);
    }
};

} // namespace

Result<> convert(const criu::FdinfoEntry& from, const Result<criu::FileTable>& files,
                 node::v1::ArchiveDescriptor& to) {
    to.set_number(from.fd);
    to.set_type(std::string(criu::name_of(from.type)));
    if (!files)
        return std::unexpected(files.error());
    TRY_ASSIGN(const criu::FileEntry file, files->find(from.id));
    std::visit(Describe{from, to}, file.what);
    return {};
}

} // namespace lpm::sidecar
