// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "oci/privileges.hpp"
#include "json/json.hpp"

namespace lpm::oci {

// `spec` is a config.json.
[[nodiscard]] Privileges read_privileges(const json::Value& spec);

} // namespace lpm::oci
