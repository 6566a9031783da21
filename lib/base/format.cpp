// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/format.hpp"

namespace lpm {

std::string format_arguments(std::string_view text, std::format_args arguments) {
    return std::vformat(text, arguments);
}

} // namespace lpm
