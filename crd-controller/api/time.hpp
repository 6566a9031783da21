// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.hpp"

namespace lpm::controller {

using Millis = std::chrono::milliseconds;
using Time = std::chrono::sys_time<Millis>;

inline Time time_now() {
    return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
}

inline std::optional<Time> read_time(std::string_view text) {
    const auto time = parse_rfc3339(text);
    if (!time)
        return std::nullopt;
    return Time(std::chrono::seconds(time->tv_sec) + Millis(time->tv_nsec / 1'000'000));
}

// Milliseconds: "2026-01-31T12:00:00.123Z".
inline std::string write_time(Time time) {
    const auto since = time.time_since_epoch().count();
    return rfc3339({.tv_sec = since / 1000, .tv_nsec = since % 1000 * 1'000'000});
}

// As metav1.MicroTime has it.
inline std::string write_micro(Time time) {
    std::string text = write_time(time);
    text.insert(text.size() - 1, "000");
    return text;
}

// As metav1.Time has it: whole seconds.
inline std::string write_seconds(Time time) {
    return write_time(time).substr(0, 19) + "Z";
}

} // namespace lpm::controller
