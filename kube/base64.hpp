// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lpm::kube {

[[nodiscard]] std::string base64(std::string_view bytes);

// Nothing when `text` is not base64 with its padding; line ends and spaces in it do not matter.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

} // namespace lpm::kube
