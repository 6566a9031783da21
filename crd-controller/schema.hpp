// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "json/json.hpp"

namespace lpm::controller {

inline constexpr const char* crds_path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
inline constexpr const char* crd_name = "containercheckpoints.lpm.my.domain";

// Status fields that we write and an installed ContainerCheckpoint does not have: "attempt.uid".
[[nodiscard]] std::vector<std::string> missing_fields(const json::Value& crd);

// "a, b, c"
[[nodiscard]] std::string names_of(const std::vector<std::string>& fields);

// What the installed CRD lacks, which is left out of what is written: it would be refused, or silently
// dropped.
class Schema {
  public:
    void set(std::vector<std::string> missing);
    [[nodiscard]] std::vector<std::string> missing() const;
    // Without these a second request could be sent for one attempt.
    [[nodiscard]] bool is_too_old() const;

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> missing_;
};

} // namespace lpm::controller
