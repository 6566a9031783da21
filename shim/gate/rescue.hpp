// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>

#include "record/keeper.hpp"

namespace lpm::gate {

// Thaws what nobody resumes any more: a container whose caller paused it, asked for a checkpoint of it, and
// is dead now, when no gate, runtime or CRIU works on it and `grace` is over. Also one whose resume was noted
// and never happened. Unlocks its network where the gate did not come to do it. What is of another PID
// namespace, or cannot be read, is not touched; as long as the caller lives nothing is thawed. Prints what it
// did. False when the store cannot be worked on.
[[nodiscard]] bool rescue_round(std::chrono::seconds grace);

} // namespace lpm::gate
