// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "base/decimal.hpp"

namespace lpm {

// Text of less than `size` bytes, put together where there is no libc. It always ends with a NUL.
template <unsigned size> struct FixedText {
    char text[size];
    unsigned length = 0;

    FixedText() { text[0] = '\0'; }

    // False when not all of it fits; what does is there.
    bool add(const char* part) {
        for (; *part != '\0' && length < size - 1; ++part)
            text[length++] = *part;
        text[length] = '\0';
        return *part == '\0';
    }
    bool add(unsigned long number) {
        char digits[21];
        digits[write_decimal(number, digits)] = '\0';
        return add(digits);
    }
    void cut(unsigned to) { text[length = to] = '\0'; }
};

} // namespace lpm
