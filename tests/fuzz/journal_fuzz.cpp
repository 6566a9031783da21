// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/journal.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto entry = record::parse_journal_line(text); entry && !record::valid_id(entry->id))
        std::abort();
    if (const auto position = record::JournalPosition::parse(text);
        position &&
        (position->generation == 0 || record::JournalPosition::parse(position->text()) != position))
        std::abort();
    return 0;
}
