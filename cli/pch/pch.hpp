// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

// Parsed once for the folder, as kube/pch.
#include "program.hpp"
#include "json/json.hpp"
