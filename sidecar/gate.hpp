// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <functional>
#include <semaphore>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "node/gate_client.hpp"

namespace lpm::sidecar {

// Requests to lpm-gate that may be under way: fewer than its socket unit takes (MaxConnections).
inline constexpr int most_gates = 48;

// To wait for an lpm-gate that is free, and for it when it runs no hooks: it has two seconds to find the
// container, and up to ten for the checks (gate.deadline_ms).
inline constexpr std::chrono::seconds preflight_time{20};

// Of a semaphore that was acquired; given back whatever happens.
class Permit {
  public:
    explicit Permit(std::counting_semaphore<>& of) : of_(of) {}
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;
    ~Permit() { of_.release(); }

  private:
    std::counting_semaphore<>& of_;
};

// lpm-gate of this node, for many threads: it is asked so many times at once, and the others wait.
class Gate {
  public:
    explicit Gate(std::string socket) : socket_(std::move(socket)), free_(most_gates) {}

    using Ended = std::function<bool()>;
    // Errc::unavailable when it has not answered in `time`.
    [[nodiscard]] Result<lpm::node::Reply> ask(const service::Request& request,
                                               std::chrono::milliseconds time, const Ended& ended);

  private:
    const std::string socket_;
    std::counting_semaphore<> free_;
};

// That the sidecar may not ask is a fault of the node's, and none of the client's.
template <class T> [[nodiscard]] Result<T> of_node(Result<T>&& answer) {
    if (!answer && answer.error().code == Errc::denied)
        return fail(Errc::unavailable, std::move(answer).error().text);
    return std::move(answer);
}

} // namespace lpm::sidecar
