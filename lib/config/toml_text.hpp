// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/toml.hpp"

// Values as TOML writes them. For this folder only.
namespace lpm::config {

// No byte of it was replaced by parse_toml.
[[nodiscard]] bool is_ascii(std::string_view text);

// A text that parse_toml gave is what the file has. `ascii`: so is the whole file.
[[nodiscard]] bool is_repeatable(std::string_view text, bool ascii);

// On one line. Nothing for what no key of CRI-O's handlers is (numbers with a point, times, tables in tables
// beyond a depth of 8), and for texts that are not repeatable.
[[nodiscard]] std::optional<std::string> toml_text(const toml::node& node, bool ascii, int depth = 0);

} // namespace lpm::config
