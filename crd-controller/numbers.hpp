// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "node/metrics.hpp"

namespace lpm::controller {

// The controller's metrics, under controller-runtime's names where it has them: dashboards know those.
class Numbers {
  public:
    Numbers();
    void request(std::string_view method, long status);
    void reconciled(bool success, double seconds);
    void set_missing_fields(std::size_t count);
    void set_state(std::size_t queued, std::size_t under_way, bool leads,
                   const std::map<std::string, std::size_t>& by_phase);
    [[nodiscard]] std::string text() const { return metrics_.text(); }

  private:
    node::Metrics metrics_;
};

} // namespace lpm::controller
