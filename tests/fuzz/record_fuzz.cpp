// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/record.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)record::parse_manifest(text);
    // What was read and is written again must read the same.
    if (const auto record = record::parse_record(text)) {
        const auto written = record::write_record(*record);
        const auto again = record::parse_record(written);
        if (!again || record::write_record(*again) != written)
            std::abort();
    }
    return 0;
}
