// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <functional>
#include <string>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "record/record.hpp"
#include "service/message.hpp"

// Asks lpm-gate, which has the power to look into containers.
namespace lpm::node {

inline constexpr const char* gate_socket = "/run/lpm/gate.sock";

// One request, one answer. Errc::unavailable when lpm-gate is not there, or not in time, or `ended` says that
// nobody waits for it any more; else the error that it answered.
[[nodiscard]] Result<record::Record> ask_gate(const std::string& socket, const service::Request& request,
                                              const Deadline& deadline, const std::function<bool()>& ended);

} // namespace lpm::node
