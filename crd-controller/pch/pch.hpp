// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

// Parsed once for the folder: each of its sources sees it, and it is most of what the compiler reads.
#include "json/json.hpp"
