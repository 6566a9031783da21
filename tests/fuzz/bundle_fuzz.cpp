// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/bundle.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)oci::parse_bundle(text);
    return 0;
}
