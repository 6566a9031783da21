// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstring>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace lpm {

enum class Errc { invalid, denied, absent, exists, busy, unavailable, io };

// What went wrong, for a person: `text` names the object, is lower case and has no full stop.
struct Error {
    Errc code = Errc::io;
    int sys = 0; // errno at the point of failure, or 0
    std::string text;

    // "outer: inner", for the caller that knows what was being attempted.
    [[nodiscard]] Error in(std::string_view outer) && {
        text.insert(0, std::string(outer) + ": ");
        return std::move(*this);
    }
};

template <class T = void> using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string text) {
    return std::unexpected(Error{code, 0, std::move(text)});
}

// A failed system call: maps errno to Errc and appends its text.
[[nodiscard]] std::unexpected<Error> fail_errno(int err, std::string_view what);

} // namespace lpm

// The only macros of the project: hand an error up unchanged.
#define LPM_CONCAT_(a, b) a##b
#define LPM_CONCAT(a, b) LPM_CONCAT_(a, b)
#define TRY(expr)                                                                                            \
    do {                                                                                                     \
        if (auto try_result_ = (expr); !try_result_)                                                         \
            return std::unexpected(std::move(try_result_).error());                                          \
    } while (false)
#define TRY_ASSIGN(decl, expr) TRY_ASSIGN_(decl, expr, LPM_CONCAT(try_result_, __LINE__))
#define TRY_ASSIGN_(decl, expr, tmp)                                                                         \
    auto tmp = (expr);                                                                                       \
    if (!tmp)                                                                                                \
        return std::unexpected(std::move(tmp).error());                                                      \
    decl = std::move(*tmp)
