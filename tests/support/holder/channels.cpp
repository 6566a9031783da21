// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Queues and what waits in them.
#include "holder.hpp"

#include <cstring>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace holder {

// queue open | closed | deleted: a POSIX message queue, of which a process has a descriptor, none has, or
// nothing but the descriptor is left
static void hold_queue(const std::string& argument) {
    const auto queue = static_cast<int>(must(mq_open("/lpm", O_RDWR | O_CREAT, 0600, nullptr), "mq_open"));
    if (argument == "closed")
        close(queue);
    else if (argument == "deleted")
        must(mq_unlink("/lpm"), "mq_unlink");
    else if (argument != "open")
        unknown(argument);
}

// packets unread | read: a pipe in packet mode
static void hold_packets(const std::string& argument) {
    int ends[2];
    must(pipe2(ends, O_DIRECT), "pipe2");
    if (argument == "unread")
        must(write(ends[1], "x", 1), "write");
    else if (argument != "read")
        unknown(argument);
}

// unix-backlog open | closed: a client that nobody has accepted yet, and which may be gone already
static void hold_backlog(const std::string& argument) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strcpy(at.sun_path, "/tmp/backlog");
    unlink(at.sun_path);
    const auto listener = static_cast<int>(must(socket(AF_UNIX, SOCK_STREAM, 0), "socket"));
    must(bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at), "bind");
    must(listen(listener, 8), "listen");
    const auto client = static_cast<int>(must(socket(AF_UNIX, SOCK_STREAM, 0), "socket"));
    must(connect(client, reinterpret_cast<sockaddr*>(&at), sizeof at), "connect");
    if (argument == "closed")
        close(client);
    else if (argument != "open")
        unknown(argument);
}

// udp corked | sent: a datagram in the making, or one that has left
static void hold_udp(const std::string& argument) {
    sockaddr_in at{
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    const auto socket = static_cast<int>(must(::socket(AF_INET, SOCK_DGRAM, 0), "socket"));
    const int cork = argument == "corked";
    must(setsockopt(socket, IPPROTO_UDP, UDP_CORK, &cork, sizeof cork), "UDP_CORK");
    must(sendto(socket, "x", 1, 0, reinterpret_cast<sockaddr*>(&at), sizeof at), "sendto");
}

// epoll other | both | duplicate: a child's epoll descriptor watches what only the parent has open, or both
// have, or what it has by another number
static void hold_epoll(const std::string& argument) {
    const auto epoll = static_cast<int>(must(epoll_create1(0), "epoll_create1"));
    const auto target = static_cast<int>(must(eventfd(0, 0), "eventfd"));
    epoll_event event{.events = EPOLLIN, .data = {}};
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, target, &event), "epoll_ctl");
    if (must(fork(), "fork") == 0) {
        if (argument == "duplicate")
            must(dup(target), "dup");
        if (argument != "both")
            close(target);
        for (;;)
            pause();
    }
    if (argument == "other")
        close(epoll);
}

static constexpr Case cases[] = {
    {"queue", hold_queue}, {"packets", hold_packets}, {"unix-backlog", hold_backlog},
    {"udp", hold_udp},     {"epoll", hold_epoll},
};
const std::span<const Case> channels = cases;

} // namespace holder
