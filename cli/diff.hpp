// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

namespace lpm::cli {

// All lines of both texts: those that go ("-"), that come ("+") and that stay (" "), as few of the first two
// as there can be; in texts of many thousand lines perhaps more.
[[nodiscard]] std::string diff_of(std::string_view before, std::string_view after);

} // namespace lpm::cli
