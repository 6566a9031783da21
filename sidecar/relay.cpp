// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "relay.hpp"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/socket.h>

namespace lpm::sidecar {

// Until either of them ends. False: more than `most` bytes came.
static bool copy(int from, int to, std::size_t most) {
    char bytes[16384];
    for (std::size_t all = 0;;) {
        const ssize_t size = ::recv(from, bytes, sizeof bytes, 0);
        if (size <= 0)
            return true;
        all += static_cast<std::size_t>(size);
        if (all > most)
            return false;
        for (ssize_t done = 0; done < size;) {
            const ssize_t sent =
                ::send(to, bytes + done, static_cast<std::size_t>(size - done), MSG_NOSIGNAL);
            if (sent < 0)
                return true;
            done += sent;
        }
    }
}

Relay::Relay(Fd&& peer, Fd&& near, Fd&& far, std::size_t most)
    : peer_(std::move(peer)), near_(std::move(near)), far_(std::move(far)), answers_([this, most] {
          overflowed_ = !copy(peer_.get(), near_.get(), most);
          end();
      }),
      questions_([this] {
          copy(near_.get(), peer_.get(), SIZE_MAX);
          end();
      }) {}

void Relay::end() const {
    ::shutdown(peer_.get(), SHUT_RDWR);
    ::shutdown(near_.get(), SHUT_RDWR);
}

Relay::~Relay() {
    end();
}

Result<std::unique_ptr<Relay>> Relay::start(Fd&& peer, std::size_t most) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return fail_errno(errno, "make a pair of sockets");
    Fd near(pair[0]);
    Fd far(pair[1]);
    if (::fcntl(far.get(), F_SETFL, O_NONBLOCK) != 0) // as gRPC insists
        return fail_errno(errno, "make a pair of sockets");
    return std::unique_ptr<Relay>(new Relay(std::move(peer), std::move(near), std::move(far), most));
}

} // namespace lpm::sidecar
