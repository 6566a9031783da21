// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "check/check.hpp"

// The judges, one source per theme; check.cpp puts them into the table.
namespace lpm::check {

[[nodiscard]] Finding judge_tooling(const Facts& facts);
[[nodiscard]] Finding judge_network_lock(const Facts& facts);
[[nodiscard]] Finding judge_container_state(const Facts& facts);
[[nodiscard]] Finding judge_terminal(const Facts& facts);
[[nodiscard]] Finding judge_stdio(const Facts& facts);
[[nodiscard]] Finding judge_disk_space(const Facts& facts);
[[nodiscard]] Finding judge_images(const Facts& facts);
[[nodiscard]] Finding judge_descriptors(const Facts& facts);

} // namespace lpm::check
