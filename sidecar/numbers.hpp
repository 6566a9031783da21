// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <grpcpp/support/status_code_enum.h>
#include <mutex>
#include <string>

#include "node/metrics.hpp"

namespace lpm::sidecar {

// The sidecar's metrics, under grpc-ecosystem's names where it has them: dashboards know those.
class Numbers {
  public:
    Numbers();
    void answered(const std::string& method, grpc::StatusCode code);
    void refused_peer();
    [[nodiscard]] std::string text() const { return metrics_.text(); }

  private:
    friend class WatchCount;
    node::Metrics metrics_;
    std::mutex mutex_; // of watches_ and what is told of it
    int watches_ = 0;
};

// A watch, as long as it is there.
class WatchCount {
  public:
    explicit WatchCount(Numbers& numbers) : numbers_(numbers) { add(1); }
    WatchCount(const WatchCount&) = delete;
    WatchCount& operator=(const WatchCount&) = delete;
    ~WatchCount() { add(-1); }

  private:
    void add(int by);
    Numbers& numbers_;
};

} // namespace lpm::sidecar
