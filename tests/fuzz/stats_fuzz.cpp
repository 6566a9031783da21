// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/stats.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto stats = criu::parse_stats(text); stats && stats->names.size() > criu::Stats::max)
        std::abort();
    return 0;
}
