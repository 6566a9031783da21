// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "inspect/facts.hpp"

namespace lpm::inspect {

// Fills facts.additions from lpm.toml and the pod's annotation, once bundle, tools and images are known, and
// adds them to facts.options, in which are those of the caller and the files: what these say is not changed.
void decide_additions(Facts& facts, const oci::Invocation& invocation, const config::Settings& settings);

} // namespace lpm::inspect
