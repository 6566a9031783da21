// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "check/facts.hpp"

namespace lpm::check {

// Fills facts.additions from lpm.toml and the pod's annotation, once bundle, runtime and images are known.
void decide_additions(Facts& facts);

} // namespace lpm::check
