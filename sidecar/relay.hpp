// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace lpm::sidecar {

// Stands between gRPC and the other end of a stream: gRPC keeps a message of any size until it is whole, and
// only then looks whether it is too large.
class Relay {
  public:
    // Hands over what either side sends, and ends both when `peer` has sent more than `most` bytes.
    [[nodiscard]] static Result<std::unique_ptr<Relay>> start(Fd&& peer, std::size_t most);
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;
    ~Relay();

    // gRPC's side, once; it does not block.
    [[nodiscard]] Fd take() { return std::move(far_); }
    [[nodiscard]] bool overflowed() const { return overflowed_; }

  private:
    Relay(Fd&& peer, Fd&& near, Fd&& far, std::size_t most);
    void end() const;
    Fd peer_, near_, far_;
    std::atomic<bool> overflowed_ = false;
    std::jthread answers_, questions_; // before the sockets go, they end
};

} // namespace lpm::sidecar
