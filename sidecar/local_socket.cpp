// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "local_socket.hpp"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/notify.hpp"
#include "node/unix_socket.hpp"

namespace lpm::sidecar {

static Result<Fd> listen_at(const std::string& path) {
    TRY_ASSIGN(const sockaddr_un address, node::unix_address(path));
    if (node::connect_unix(path))
        return fail(Errc::exists, path + ": another process listens there");
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return fail_errno(errno, "remove " + path);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return fail_errno(errno, "socket");
    const mode_t mask = ::umask(0117); // no thread but this one yet
    const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int error = errno;
    ::umask(mask);
    if (bound != 0)
        return fail_errno(error, "listen on " + path);
    if (::listen(fd.get(), SOMAXCONN) != 0)
        return fail_errno(errno, "listen on " + path);
    return fd;
}

Result<LocalSocket> LocalSocket::open(const std::string& path) {
    if (Fd given = node::take_socket()) {
        if (::fcntl(given.get(), F_SETFL, O_NONBLOCK) != 0)
            return fail_errno(errno, "the socket that systemd hands over");
        return LocalSocket(std::move(given));
    }
    TRY_ASSIGN(Fd fd, listen_at(path));
    return LocalSocket(std::move(fd));
}

static void take(Fd&& peer, const LocalSocket::On& on) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        return;
    if (who.uid == 0 || who.uid == ::geteuid())
        on.taken(std::move(peer));
    else
        on.refused(who.uid);
}

void LocalSocket::stop() {
    thread_ = {}; // asks it to end, and waits
}

void LocalSocket::start(On on) {
    static constexpr int look_up_ms = 200; // how soon it sees that it is to end
    thread_ = std::jthread([fd = listening_.get(), on = std::move(on)](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            pollfd ready{fd, POLLIN, 0};
            if (::poll(&ready, 1, look_up_ms) != 1)
                continue;
            if (Fd peer(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)); peer)
                take(std::move(peer), on);
            else if (errno != EAGAIN && errno != ECONNABORTED) // without descriptors it would burn the CPU
                std::this_thread::sleep_for(std::chrono::milliseconds(look_up_ms));
        }
    });
}

} // namespace lpm::sidecar
