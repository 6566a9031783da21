// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "output.hpp"
#include "program.hpp"
#include "record/preparation.hpp"
#include "record/record.hpp"

// What lpm-gate says of a checkpoint that was not made.
namespace lpm::cli {

[[nodiscard]] json::Value value_of_judged(const record::Record& judged);
[[nodiscard]] std::string text_of_judged(const record::Record& judged);

// --option NAME=VALUE, as often as one likes.
void add_request_options(CLI::App& app, std::vector<std::string>& options);
// What these were. Errc::invalid.
[[nodiscard]] Result<record::OptionList> read_options(const std::vector<std::string>& options);

} // namespace lpm::cli
