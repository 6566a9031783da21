// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "loop/queue.hpp"

namespace lpm::controller {

// Takes keys until it is stopped and looks at each. After an error it comes back: soon when somebody else has
// changed the object (Errc::busy), ever later otherwise, not at all when it is gone (Errc::absent). `looked`:
// told of each look, with the seconds that it took.
void work_on(Queue& queue, const std::function<Result<>(const std::string& key)>& look,
             const std::function<void(const std::string& key, const Result<>& done, double seconds)>& looked,
             const std::stop_token& stop);

} // namespace lpm::controller
