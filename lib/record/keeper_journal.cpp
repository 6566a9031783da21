// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What belongs into the journal and has not got there: a full disk, a kill between record and line.
#include <string>
#include <unordered_set>

#include "base/text.hpp"
#include "record/journal.hpp"
#include "record/keeper.hpp"

namespace lpm::record {

namespace {

// The records whose end the journal tells of.
struct Told {
    std::unordered_set<std::string> ended;
    std::string since; // the time of the first line: what ended before was told in what is removed
};

} // namespace

static Result<Told> read_told(const std::string& store) {
    constexpr std::size_t batch_size = 10'000;
    const Journal journal(store);
    TRY_ASSIGN(JournalPosition position, journal.begin());
    Told told;
    const bool from_the_first = position.generation == 1;
    for (;;) {
        TRY_ASSIGN(const JournalBatch batch, journal.read_from(position, batch_size));
        for (const auto& entry : batch.entries) {
            if (told.since.empty() && !from_the_first)
                told.since = entry.time;
            if (entry.state != Change::intent)
                told.ended.insert(entry.id);
        }
        if (batch.next == position)
            return told;
        position = batch.next;
    }
}

void Keeper::complete_journal(const std::vector<Entry>& entries) {
    const auto told = read_told(store_.path());
    if (!told)
        return fault("journal", told.error().text);
    for (const Entry& entry : entries) {
        if (entry.end.empty() || entry.end < told->since || told->ended.contains(entry.id))
            continue;
        const auto record = store_.load(entry.id);
        if (!record)
            continue; // removed since
        if (const auto written = store_.append_journal(*record); written)
            ++report_.journalled;
        else
            fault(entry.id, written.error().text);
    }
}

} // namespace lpm::record
