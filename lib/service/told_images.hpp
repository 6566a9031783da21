// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "base/result.hpp"
#include "inspect/images.hpp"
#include "json/json.hpp"

// What lpm-sidecar, which has read an archive without power, tells lpm-gate of the images in it.
namespace lpm::service {

// Lists lose their ends: of connections a message names five, and profiles are few.
inline constexpr std::size_t most_told = 50;

// What could not be read is not there.
[[nodiscard]] json::Value write_images(const inspect::ImageFacts& facts);
// Errc::invalid, with the member that is not as it must be.
[[nodiscard]] Result<inspect::ImageFacts> read_images(const json::Value& value);

} // namespace lpm::service
