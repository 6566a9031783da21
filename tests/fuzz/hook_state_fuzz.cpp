// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/hook_state.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto state = oci::parse_hook_state(text);
    if (state && (state->pid < 0 || state->bundle[0] != '/' || state->id.empty() || state->id.contains('/') ||
                  state->id == "." || state->id == ".."))
        std::abort();
    return 0;
}
