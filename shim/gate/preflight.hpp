// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>

#include "config/settings.hpp"
#include "inspect/engine.hpp"
#include "inspect/images.hpp"
#include "record/preparation.hpp"

namespace lpm::gate {

inline constexpr std::chrono::seconds locate_time{2}; // to find the container

struct Preflight {
    inspect::Located container;
    inspect::Engine engine;
    // As of the checkpoint that the engine would ask for now, with code and message of a refusal; without
    // outcome, and in no store.
    record::Record record;
    config::Settings settings; // of this node
};

// Judges a running container as `checkpoint` would with these options of a request, for the process that
// would ask for it. Nothing of the container is touched.
// `prepared`: the life-cycle hooks that need a container that runs will run before; else what CRI-O freezes
// first will skip them.
[[nodiscard]] Result<Preflight> preflight(const inspect::Target& target, const record::OptionList& options,
                                          bool prepared, char** environment);

// Judges a restore on this node by the checks that need no container: of images that somebody else has read.
[[nodiscard]] record::Record judge_restore(const inspect::ImageFacts& images, char** environment);

} // namespace lpm::gate
