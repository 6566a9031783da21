// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cerrno>
#include <cstdlib>
#include <type_traits>

#include <sys/random.h>

namespace lpm {

// Bytes that nobody can guess, from the kernel. Up to 256 of them are never cut short (getrandom(2)).
// std::random_device asks the processor what it can, each time: in a guest a trap to the host.
template <class T> [[nodiscard]] T random_bytes() {
    static_assert(sizeof(T) <= 256 && std::is_trivially_copyable_v<T>);
    T bytes{};
    while (::getrandom(&bytes, sizeof bytes, 0) < 0)
        if (errno != EINTR)
            std::abort(); // no such call, which no kernel of ours lacks: equal ids would do harm
    return bytes;
}

} // namespace lpm
