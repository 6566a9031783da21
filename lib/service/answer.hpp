// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "json/json.hpp"

// What all answers of lpm-gate have in common: an object with what was asked for, or with `error`.
namespace lpm::service {

[[nodiscard]] std::string write_error(const Error& error);

// The object, when it is one without an error; else the error that was answered, with its code. Errc::io for
// what is no answer.
[[nodiscard]] Result<json::Value> parse_object(std::string_view answer);

} // namespace lpm::service
