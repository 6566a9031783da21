// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <memory>

#include "base/text.hpp"
#include "command.hpp"
#include "record/journal.hpp"
#include "records.hpp"

namespace lpm::cli {

static void tell(const Context& context, const record::Store& store, const record::JournalEntry& entry) {
    const auto record = store.load(entry.id);
    if (context.format != Format::table) { // a document each: JSON Lines, or YAML's with ---
        json::Value value{{"id", entry.id}, {"change", entry.state.text()}, {"position", entry.next.text()}};
        if (record)
            value["record"] = value_of(*record);
        print(context.format == Format::json ? write_json(value) : "---\n" + write_yaml(value));
    } else {
        const std::string word = entry.outcome.empty() ? entry.state.text() : entry.outcome.text();
        std::string line = short_time(entry.time) + "  " + entry.id + "  " + coloured(word, colour_of(word));
        if (record)
            line += "  " + record->operation.text() + " of " + container_text(*record);
        if (record && !record->code.empty())
            line += ": " + one_line(record->message, 1000) + " [" + record->code + "]";
        print(line);
    }
    std::fflush(stdout);
}

static Result<int> watch(const Context& context, const std::string& from) {
    TRY_ASSIGN(const record::Store store, open_store(context.store));
    const record::Journal journal(context.store);
    record::JournalWatch changes(journal);
    TRY_ASSIGN(record::JournalPosition position, journal.end());
    if (!from.empty()) {
        const auto given = record::JournalPosition::parse(from);
        if (!given)
            return fail(Errc::invalid, "--from " + one_line(from, 100) + ": must be a position, as 42:1234");
        position = *given;
    }
    constexpr std::size_t at_once = 100;
    constexpr std::chrono::seconds rest{60};
    while (std::ferror(stdout) == 0) {
        TRY_ASSIGN(const record::JournalBatch batch,
                   changes.next(position, at_once, std::chrono::steady_clock::now() + rest));
        for (const auto& entry : batch.entries)
            tell(context, store, entry);
        position = batch.next;
    }
    return trouble; // nobody reads it any more
}

Action add_watch(CLI::App& app, const Context& context) {
    const auto from = std::make_shared<std::string>();
    app.add_option("--from", *from, "A position that an earlier watch has told (-o json); else from now on")
        ->type_name("POSITION");
    return [&context, from] { return watch(context, *from); };
}

} // namespace lpm::cli
