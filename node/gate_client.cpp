// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/gate_client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>

#include "base/file.hpp"
#include "node/unix_socket.hpp"

namespace lpm::node {

// The first one that came; the kernel has given us all of them.
static void take_descriptors(msghdr& message, Fd& first) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            if (Fd taken(fd); !first)
                first = std::move(taken);
        }
    }
}

// False when there is no more to come.
static bool receive(int gate, std::chrono::milliseconds wait, Reply& reply) {
    pollfd ready{.fd = gate, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, static_cast<int>(wait.count())) <= 0)
        return true;
    char bytes[16384];
    iovec part{.iov_base = bytes, .iov_len = sizeof bytes};
    alignas(cmsghdr) char space[CMSG_SPACE(4 * sizeof(int))]{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    const ssize_t size = ::recvmsg(gate, &message, MSG_CMSG_CLOEXEC);
    if (size < 0)
        return errno == EINTR;
    take_descriptors(message, reply.descriptor);
    reply.text.append(bytes, static_cast<std::size_t>(size));
    return size > 0 && reply.text.size() <= service::max_answer;
}

Result<Reply> ask_gate(const std::string& socket, const service::Request& request, const Deadline& deadline,
                       const std::function<bool()>& ended, Fd& unanswered) {
    constexpr std::chrono::milliseconds look_up{500};
    auto connected = connect_unix(socket);
    if (!connected)
        return std::unexpected(Error{Errc::unavailable, connected.error().sys,
                                     "lpm-gate does not answer on " + socket + " (" + connected.error().text +
                                         "): is lpm-gate.socket started on this node?"});
    const int gate = connected->get();
    if (!write_all(gate, service::write_request(request)) || ::shutdown(gate, SHUT_WR) != 0)
        return fail(Errc::unavailable,
                    "lpm-gate has closed the connection: more ask than it answers at a time");
    Reply reply;
    while (receive(gate, std::min(deadline.left(), look_up), reply))
        if (deadline.passed() || ended()) {
            unanswered = *std::move(connected);
            return fail(Errc::unavailable, "lpm-gate has not answered in time");
        }
    if (reply.text.empty())
        return fail(Errc::unavailable, "lpm-gate ended without an answer: the node's journal says why");
    return reply;
}

} // namespace lpm::node
