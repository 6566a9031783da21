// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "json/json.hpp"
#include "kube/client.hpp"

namespace lpm::controller {

// The right to act, held by one controller of all: a Lease of coordination.k8s.io, as client-go's leaderelection holds
// it, with its times: valid for 15 s, given up after 10 s without a renewal, renewed every 2 s. Whether another's has
// run out is judged by our own clock since we saw it change, never by the time that stands in it.
class Lease {
  public:
    using Clock = std::chrono::steady_clock;
    // `client`: nobody else uses it.
    Lease(kube::Client& client, std::string space, std::string name, std::string identity);

    // Returns once it is ours; false when stopped. `waits`: told whose it is, when that changes.
    [[nodiscard]] bool acquire(std::stop_token stop, const std::function<void(const std::string& holder)>& waits);
    // Keeps it. Returns when it is lost: false, nothing may be done any more; or when stopped: true.
    [[nodiscard]] bool keep(std::stop_token stop);
    // Others need not wait for its end.
    void release();

  private:
    enum class Got { ours, others, failed };
    [[nodiscard]] Got try_once(std::string& holder);
    [[nodiscard]] json::Value made_ours(json::Value lease, bool fresh) const;

    kube::Client& client_;
    std::string folder_; // of the REST interface
    std::string space_;
    std::string name_;
    std::string identity_;
    json::Value seen_;         // as it was last
    Clock::time_point changed_{}; // when we saw it change
};

} // namespace lpm::controller
