// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/notify.hpp"

#include <cstdint>
#include <systemd/sd-daemon.h>

namespace lpm::node {

void tell_ready() {
    (void)::sd_notify(0, "READY=1");
}

void tell_ending() {
    (void)::sd_notify(0, "STOPPING=1");
}

void tell_alive() {
    (void)::sd_notify(0, "WATCHDOG=1");
}

std::optional<std::chrono::microseconds> watchdog() {
    std::uint64_t us = 0;
    if (::sd_watchdog_enabled(0, &us) <= 0)
        return std::nullopt;
    return std::chrono::microseconds(us);
}

Fd take_socket() {
    return ::sd_listen_fds(1) == 1 ? Fd(SD_LISTEN_FDS_START) : Fd();
}

} // namespace lpm::node
