// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <type_traits>

#include <sys/random.h>

namespace lpm {

// Bytes that nobody can guess, from the kernel: a read of at most 256 bytes is never interrupted and never
// short (getrandom(2)). std::random_device asks the processor what it can, each time: in a guest a trap to
// the host.
template <class T> [[nodiscard]] T random_bytes() {
    static_assert(sizeof(T) <= 256 && std::is_trivially_copyable_v<T>);
    T bytes{};
    (void)::getrandom(&bytes, sizeof bytes, 0);
    return bytes;
}

} // namespace lpm
