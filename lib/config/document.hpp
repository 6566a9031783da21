// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

// What people read about the keys, made from the same rows as the parsers.
namespace lpm::config {

// Example files: every key with its default, all commented out.
[[nodiscard]] std::string settings_example();   // docs/examples/lpm.toml
[[nodiscard]] std::string controller_example(); // docs/examples/controller.toml

[[nodiscard]] std::string sidecar_example(); // docs/examples/sidecar.toml

[[nodiscard]] std::string settings_document(); // docs/settings.md

} // namespace lpm::config
