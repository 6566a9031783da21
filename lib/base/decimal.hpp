// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

namespace lpm {

// Digits of `value` into `out`, without an end mark; returns how many (at most 20). Callable where there is
// no libc, and in a child that shares its parent's memory.
inline unsigned write_decimal(unsigned long value, char* out) {
    char reversed[20];
    unsigned count = 0;
    do {
        reversed[count++] = static_cast<char>('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (unsigned i = 0; i < count; ++i)
        out[i] = reversed[count - 1 - i];
    return count;
}

} // namespace lpm
