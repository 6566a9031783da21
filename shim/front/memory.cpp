// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// The functions that a compiler may call for plain assignments even where there is no libc.
#include <cstddef>

#if !defined(__clang__)
// g++ would find a memset in the loop of memset, and call it.
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

extern "C" {

void* memcpy(void* to, const void* from, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        static_cast<char*>(to)[i] = static_cast<const char*>(from)[i];
    return to;
}

void* memset(void* to, int byte, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        static_cast<char*>(to)[i] = static_cast<char>(byte);
    return to;
}

int memcmp(const void* a, const void* b, std::size_t size) {
    const auto* left = static_cast<const unsigned char*>(a);
    const auto* right = static_cast<const unsigned char*>(b);
    for (std::size_t i = 0; i < size; ++i)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return 0;
}

std::size_t strlen(const char* text) {
    std::size_t n = 0;
    while (text[n] != '\0')
        ++n;
    return n;
}
}
