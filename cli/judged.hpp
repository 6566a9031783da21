// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "output.hpp"
#include "record/preparation.hpp"
#include "record/record.hpp"

// What lpm-gate says of a checkpoint that was not made.
namespace lpm::cli {

[[nodiscard]] json::Value value_of_judged(const record::Record& judged);
[[nodiscard]] std::string text_of_judged(const record::Record& judged);

// Of --option NAME=VALUE. Errc::invalid.
[[nodiscard]] Result<record::OptionList> read_options(const std::vector<std::string>& options);

} // namespace lpm::cli
