// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <optional>

#include "base/fd.hpp"

// What a daemon and systemd tell each other. The only place that sees libsystemd. Without systemd nothing
// happens.
namespace lpm::node {

void tell_ready();
void tell_ending();
void tell_alive(); // the watchdog

// How often at the least tell_alive is expected; nothing: never.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog();

// The only socket that systemd hands over (socket activation); none when there is none.
[[nodiscard]] Fd take_socket();

} // namespace lpm::node
