// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "check/facts.hpp"

namespace lpm::check {

// Fills facts.additions from lpm.toml and the pod's annotation, once bundle, runtime and images are known.
// `before`: the options in force without them; what these say is not changed.
void decide_additions(Facts& facts, const criu::Options& before);

} // namespace lpm::check
