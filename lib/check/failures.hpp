// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <span>
#include <string_view>

// Why a checkpoint or restore failed that no check has stopped.
namespace lpm::check {

struct Failure {
    std::string_view code; // no check has this id
    std::string_view remedy;
};
[[nodiscard]] std::span<const Failure> failures();

// What the user can do: the same for the refusal of a check as for the failure of that code, whose check was
// off or could not tell. Empty when not known.
[[nodiscard]] std::string_view remedy_of(std::string_view code);

} // namespace lpm::check
