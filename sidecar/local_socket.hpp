// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>
#include <thread>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace lpm::sidecar {

// The socket for clients on this node. gRPC does not tell who is at the other end of one, so we accept.
class LocalSocket {
  public:
    // `taken`: of a peer that may ask: root, or our own user. `refused`: of any other.
    struct On {
        std::function<void(Fd&&)> taken;
        std::function<void(uid_t)> refused;
    };
    // The socket that systemd hands over (sd_listen_fds(3)), else one that is made at `path`, 0660, in the
    // place of one that nobody listens on any more. Errc::exists when somebody does.
    [[nodiscard]] static Result<LocalSocket> open(const std::string& path);

    void start(On on);
    // Nobody is taken any more.
    void stop();

  private:
    explicit LocalSocket(Fd&& listening) : listening_(std::move(listening)) {}
    Fd listening_;
    std::jthread thread_; // before the socket goes, it ends
};

} // namespace lpm::sidecar
