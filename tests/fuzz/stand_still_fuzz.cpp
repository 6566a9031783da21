// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/stand_still.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto pause = record::parse_pause(text);
    const auto note = record::parse_stand_still(text);
    // What is acted on has a process to be dead, and an id that a path may be made of.
    if ((pause && pause->pid <= 0) || (note && (note->pause.pid <= 0 || note->record.contains('/'))))
        std::abort();
    return 0;
}
