// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

// The kinds of lpm (deploy/crd.yaml), and where an API server has them.
namespace lpm::kube {

inline constexpr const char* group_version = "lpm.my.domain/v1";
inline constexpr const char* checkpoints_path = "/apis/lpm.my.domain/v1/containercheckpoints";
inline constexpr const char* contents_path = "/apis/lpm.my.domain/v1/containercheckpointcontents";

} // namespace lpm::kube
