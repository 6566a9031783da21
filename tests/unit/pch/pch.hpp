// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

// Parsed once for all tests.
#include <gtest/gtest.h>

#include "json/json.hpp"
