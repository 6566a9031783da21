// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <format>
#include <string>
#include <string_view>

namespace lpm {

[[nodiscard]] std::string format_arguments(std::string_view text, std::format_args arguments);

// std::format, which g++ 14 compiles anew in each file that calls it: some four seconds of each. Written with
// its namespace, as std::format is found without one.
template <class... Arguments>
[[nodiscard]] std::string format(std::format_string<Arguments...> text, Arguments&&... arguments) {
    return format_arguments(text.get(), std::make_format_args(arguments...));
}

} // namespace lpm
