// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>

#include "record/record.hpp"
#include "service/message.hpp"

namespace lpm::gate {

// A preflight; then the life-cycle hooks that need a container that runs, and a note of the attempt, its
// object and options, which the next checkpoint of the container takes. The record has the code of a refusal,
// and then nothing is prepared: what hooks had begun, those of post-checkpoint undo.
[[nodiscard]] Result<record::Record> prepare(const service::Request& request, char** environment);

// That nobody took in time: the hooks of post-checkpoint undo what was begun.
void undo_expired(std::chrono::milliseconds hook_time);
// Who asked has not heard of it.
void undo_prepared(record::Record record);

} // namespace lpm::gate
