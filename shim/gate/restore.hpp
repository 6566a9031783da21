// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <functional>
#include <optional>

#include "call.hpp"
#include "inspect/layer.hpp"

namespace lpm::gate {

// What a restore does besides when a `create` has become one (create.cpp). Each false: it has refused or
// failed, and the rest is not done.
struct AtCreate {
    std::function<bool(const Call&)> unpack;    // before the checks: the images come to where they are read
    std::function<bool(const Call&)> prepare;   // after them and the hooks: the root file system
    std::function<bool(const Call&)> hold;      // the container is there, and runs: it is paused
    const std::optional<inspect::Layer>& layer; // that the root file system will get; known once unpacked
};

// `create` may be nullptr.
void restore(const Arguments& arguments, Progress& progress, const AtCreate* create);

} // namespace lpm::gate
