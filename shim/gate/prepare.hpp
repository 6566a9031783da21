// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "record/record.hpp"
#include "service/message.hpp"

namespace lpm::gate {

// A preflight; then the life-cycle hooks that need a container that runs, and a note of the attempt, its
// object and options, which the next checkpoint of the container takes. The record has the code of a refusal,
// and then nothing is prepared: what hooks had begun, those of post-checkpoint undo.
[[nodiscard]] Result<record::Record> prepare(const service::Request& request, char** environment);

} // namespace lpm::gate
