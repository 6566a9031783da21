// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "program.hpp"

namespace lpm::cli {

// Markdown of all commands and options, from the same tables as --help.
[[nodiscard]] std::string commands_document(const CLI::App& app);

} // namespace lpm::cli
