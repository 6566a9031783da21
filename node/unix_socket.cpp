// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/unix_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <sys/time.h>

namespace lpm::node {

Result<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(Errc::invalid, path + ": too long for a socket");
    std::ranges::copy(path, address.sun_path);
    return address;
}

Result<Fd> connect_unix(const std::string& path, std::chrono::seconds wait) {
    TRY_ASSIGN(const sockaddr_un address, unix_address(path));
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd)
        return fail_errno(errno, "socket");
    const timeval limit{.tv_sec = wait.count(), .tv_usec = 0};
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
        return fail_errno(errno, "limit the time to connect");
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno(errno, "connect");
    return fd;
}

} // namespace lpm::node
