// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/gate_client.hpp"

#include <algorithm>
#include <sys/socket.h>

#include "base/file.hpp"
#include "node/unix_socket.hpp"

namespace lpm::node {

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
    const auto connected = connect_unix(socket);
    if (!connected)
        return fail(Errc::unavailable, "lpm-gate does not answer on " + socket + " (" +
                                           connected.error().text +
                                           "): is lpm-gate.socket started on this node?");
    const int gate = connected->get();
    if (!write_all(gate, service::write_request(request)) || ::shutdown(gate, SHUT_WR) != 0)
        return fail(Errc::unavailable,
                    "lpm-gate has closed the connection: more ask than it answers at a time");
    TRY_ASSIGN(const std::string text, read_answer(gate, deadline, ended));
    if (text.empty())
        return fail(Errc::unavailable, "lpm-gate ended without an answer: the node's journal says why");
    return service::parse_answer(text);
}

} // namespace lpm::node
