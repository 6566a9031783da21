// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

namespace lpm::gate {

// Why there is no restore at create, as a record has it.
struct Refusal {
    std::string code;
    std::string message;
};

} // namespace lpm::gate
