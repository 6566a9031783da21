// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "node/gate_client.hpp"

namespace lpm::sidecar {

// Requests to lpm-gate that may be under way, and requests about archives that may be under way or have no
// end: together no more than its socket unit takes (MaxConnectionsPerSource).
inline constexpr int most_gates = 48;
inline constexpr std::size_t most_of_archives = 8;

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

// Turns of requests about archives. A disk that hangs keeps a process of lpm-gate for longer than anybody
// waits for it, and longer than it can be killed: it has its turn until it has ended, or each further request
// would leave one more and in the end there were none for containers.
class ArchiveTurns {
  public:
    // Errc::unavailable: none is free in time, or all are kept by processes that nobody waits for.
    [[nodiscard]] Result<> take(const Deadline& deadline);
    // `unanswered`: the connection to a process that goes on, if any.
    void give(Fd&& unanswered);

  private:
    std::mutex mutex_;
    std::condition_variable given_;
    std::size_t busy_ = 0;
    std::vector<Fd> kept_;
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
    Result<lpm::node::Reply> ask_in_turn(const service::Request& request, const Deadline& deadline,
                                         const Ended& ended, Fd& unanswered);
    const std::string socket_;
    std::counting_semaphore<> free_;
    ArchiveTurns archives_;
};

// That the sidecar may not ask is a fault of the node's, and none of the client's.
template <class T> [[nodiscard]] Result<T> of_node(Result<T>&& answer) {
    if (!answer && answer.error().code == Errc::denied)
        return fail(Errc::unavailable, std::move(answer).error().text);
    return std::move(answer);
}

} // namespace lpm::sidecar
