// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "kube/client.hpp"
#include "json/json.hpp"

namespace lpm::controller {

// The right to act, held by one controller of all: a Lease of coordination.k8s.io, as client-go's
// leaderelection holds it, with its times: valid for 15 s, given up after 10 s without a renewal, renewed
// every 2 s. Whether another's has run out is judged by our own clock since we saw it change, never by the
// time that stands in it.
class Lease {
  public:
    using Clock = std::chrono::steady_clock;
    // `client`: nobody else uses it.
    Lease(kube::Client& client, std::string space, std::string name, std::string identity);

    // Returns once it is ours; false when stopped. `waits`: told whose it is, when that changes.
    [[nodiscard]] bool acquire(const std::stop_token& stop,
                               const std::function<void(const std::string& holder)>& waits);
    // Keeps it until stopped. `lost`: it is lost, nothing may be done any more; told before others may take
    // it, also when a request hangs. Maybe twice, by two threads.
    void keep(const std::stop_token& stop, const std::function<void()>& lost);
    // Others need not wait for its end. Not while it is kept.
    void release();

  private:
    enum class Outcome { ours, others, failed };
    [[nodiscard]] Outcome try_once(std::string& holder);
    [[nodiscard]] bool write(const std::function<Result<json::Value>()>& request);
    [[nodiscard]] std::string path() const { return folder_ + "/" + name_; }
    [[nodiscard]] json::Value made_ours(json::Value lease, bool fresh) const;

    kube::Client& client_;
    std::string folder_; // of the REST interface
    std::string space_;
    std::string name_;
    std::string identity_;
    std::string refusal_;                       // of the last thing that was not written
    json::Value seen_;                          // as it was last
    Clock::time_point changed_{};               // when we saw it change
    std::atomic<Clock::time_point> given_up_{}; // when it is lost, if it is not renewed before
};

} // namespace lpm::controller
