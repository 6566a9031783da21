// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

// The log of a daemon: one line per event on standard error, where systemd and the kubelet collect it. A
// constant message and key=value pairs (logfmt), or JSON objects with "time", "level", "message". The only
// place that sees spdlog. May be used by many threads.
namespace lpm::node {

enum class Level { debug, info, warn, error };

// Level::debug: each step, for who looks for a fault. info: what a person would want to know later. warn:
// something is not as it should be, and goes on. error: something that was asked for was not done.
[[nodiscard]] Result<Level> level_of(std::string_view name);

void start_log(Level least, bool json);

using Field = std::pair<std::string_view, std::string>;
void log(Level level, std::string_view message, std::initializer_list<Field> fields = {});

} // namespace lpm::node
