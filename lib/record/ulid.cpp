// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <array>

#include "base/random.hpp"
#include "base/text.hpp"
#include "record/record.hpp"

namespace lpm::record {

static constexpr std::size_t length = 26;

std::string new_id() {
    const auto random = random_bytes<std::array<unsigned char, 10>>();
    auto ms = to_milliseconds(now());
    std::string id(length, '0');
    for (std::size_t i = 10; i-- > 0; ms >>= 5)
        id[i] = ulid_alphabet[ms & 31U];
    unsigned bits = 0;
    unsigned have = 0;
    std::size_t at = 10;
    for (const unsigned char byte : random) {
        bits = bits << 8 | byte;
        have += 8;
        for (; have >= 5 && at < length; have -= 5)
            id[at++] = ulid_alphabet[bits >> (have - 5) & 31U];
    }
    return id;
}

bool valid_id(std::string_view id) {
    return id.size() == length && id.find_first_not_of(ulid_alphabet) == std::string_view::npos;
}

} // namespace lpm::record
