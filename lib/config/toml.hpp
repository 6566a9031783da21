// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// toml++ 3.4 assumes in parse_time what it has not checked ("1979-05-27Tx" from a file is enough): undefined
// behaviour in a release build. Its parser reports the error by itself without the assumption.
#include <toml++/impl/preprocessor.hpp>
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) static_cast<void>(0)
#include <toml++/toml.hpp>

#include "config/forms.hpp"

// For this folder only: nobody else sees toml++.
namespace lpm::config {

// Bytes that are not ASCII are replaced. Only comments have a use for those, and toml++ 3.4 runs into code
// that it marks as unreachable when such a letter follows a number.
inline toml::parse_result parse_toml(std::string_view text, const std::string& file) {
    std::string ascii(text);
    for (char& c : ascii)
        if (static_cast<unsigned char>(c) >= 0x80)
            c = not_ascii;
    return toml::parse(ascii, file);
}

// "file:line: what"
inline std::string place(const std::string& file, const toml::source_region& at, std::string_view what) {
    return file + ":" + std::to_string(at.begin.line) + ": " + std::string(what);
}

} // namespace lpm::config
