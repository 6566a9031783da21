// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/journal.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "record/preparation.hpp"
#include "record/steady_clock.hpp"

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto entry = record::parse_journal_line(text); entry && !record::valid_id(entry->id))
        std::abort();
    if (const auto preparation = record::parse_preparation(text)) {
        const auto again = record::parse_preparation(record::write_preparation(*preparation));
        if (!again || again->until != preparation->until || again->options != preparation->options)
            std::abort();
    }
    const record::ClockHistory history = record::parse_clock_history(text);
    if (record::parse_clock_history(record::write_clock_history(history)).believed != history.believed)
        std::abort();
    if (const auto position = record::JournalPosition::parse(text);
        position &&
        (position->generation == 0 || record::JournalPosition::parse(position->text()) != position))
        std::abort();
    return 0;
}
