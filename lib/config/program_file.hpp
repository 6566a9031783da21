// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.hpp"

namespace lpm::config {

// The settings of a daemon by its parse_...: those that hold without a file where it is not there, unless
// somebody has `named` it.
template <class S>
[[nodiscard]] Result<S> read_program_file(const std::string& file, bool named,
                                          Result<S> (*parse)(std::string_view text,
                                                             const std::string& file)) {
    auto text = read_file(AT_FDCWD, file, std::size_t{1} << 20);
    if (!text && text.error().code == Errc::absent && !named)
        return S{};
    if (!text)
        return std::unexpected(std::move(text).error());
    return parse(*text, file);
}

} // namespace lpm::config
