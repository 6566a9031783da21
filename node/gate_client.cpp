// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/gate_client.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/file.hpp"

namespace lpm::node {

static Result<Fd> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(Errc::invalid, path + ": too long for a socket");
    std::ranges::copy(path, address.sun_path);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd)
        return fail_errno(errno, "socket");
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail(Errc::unavailable, "lpm-gate does not answer on " + path + " (" +
                                           fail_errno(errno, "connect").error().text +
                                           "): is lpm-gate.socket started on this node?");
    return fd;
}

static Result<std::string> read_answer(int gate, const Deadline& deadline,
                                       const std::function<bool()>& ended) {
    constexpr std::chrono::milliseconds look_up{500};
    std::string text;
    while (!deadline.passed() && !ended())
        if (read_some(gate, std::min(deadline.left(), look_up), service::max_answer, text) == ReadResult::end)
            return text;
    return fail(Errc::unavailable, "lpm-gate has not answered in time");
}

Result<record::Record> ask_gate(const std::string& socket, const service::Request& request,
                                const Deadline& deadline, const std::function<bool()>& ended) {
    TRY_ASSIGN(const Fd gate, connect_to(socket));
    if (!write_all(gate.get(), service::write_request(request)) || ::shutdown(gate.get(), SHUT_WR) != 0)
        return fail(Errc::unavailable,
                    "lpm-gate has closed the connection: more ask than it answers at a time");
    TRY_ASSIGN(const std::string text, read_answer(gate.get(), deadline, ended));
    if (text.empty())
        return fail(Errc::unavailable, "lpm-gate ended without an answer: the node's journal says why");
    return service::parse_answer(text);
}

} // namespace lpm::node
