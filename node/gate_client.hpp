// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <functional>
#include <string>

#include "base/deadline.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "service/message.hpp"

// Asks lpm-gate, which has the power to look into containers.
namespace lpm::node {

inline constexpr const char* gate_socket = "/run/lpm/gate.sock";

struct Reply {
    std::string text; // for the parser of that verb's answer (service/message.hpp, service/archives.hpp)
    Fd descriptor;    // of an archive that was opened
};
// One request, one answer. Errc::unavailable when lpm-gate is not there, or not in time, or `ended` says that
// nobody waits for it any more: then `unanswered` is the connection, which is there as long as that process
// is.
[[nodiscard]] Result<Reply> ask_gate(const std::string& socket, const service::Request& request,
                                     const Deadline& deadline, const std::function<bool()>& ended,
                                     Fd& unanswered);

} // namespace lpm::node
