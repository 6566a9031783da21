// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/tooling.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto tooling = criu::parse_tooling(text))
        if (!criu::parse_tooling(criu::write_tooling(*tooling)))
            std::abort();
    (void)criu::parse_criu_version(text);
    return 0;
}
