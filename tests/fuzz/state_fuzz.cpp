// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/state.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& state : {oci::parse_runc_state(text), oci::parse_crun_status(text)})
        if (state && (state->init < 0 || (!state->freezer.empty() && state->freezer[0] != '/')))
            std::abort();
    return 0;
}
