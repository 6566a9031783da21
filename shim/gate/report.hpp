// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/argv.hpp"

// What the gate says, and where: nothing on success, nothing ever on standard output.
namespace lpm::gate {

// The gate itself refuses or fails: one line on standard error, in one write, and, if the caller gave --log,
// one object (or line) there, as runc does.
void report_error(const oci::Invocation& invocation, std::string_view message);

// The runtime failed and has reported that itself: one more line on standard error, nothing in --log, where
// podman takes a second object for damage.
void add_line(std::string_view message);

// What a verb of our own has to say besides: "lpm-gate: ", and one of the lines.
void warn(const std::vector<std::string>& lines);

} // namespace lpm::gate
