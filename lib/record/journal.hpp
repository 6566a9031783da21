// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "record/record.hpp"

// What was published in a store, in order (docs/records.md).
namespace lpm::record {

// Between two lines of the journal.
struct JournalPosition {
    unsigned generation = 1;  // the number of the file
    std::uint64_t offset = 0; // in bytes

    [[nodiscard]] std::string text() const; // "42:1234"
    [[nodiscard]] static std::optional<JournalPosition> parse(std::string_view text);
    auto operator<=>(const JournalPosition&) const = default;
};

// A record was published or removed.
struct JournalEntry {
    std::string id;
    Word<Change> state;
    Word<Operation> operation;
    Word<Outcome> outcome; // empty of an intent that has none yet
    std::string container;
    std::string time;
    JournalPosition next; // behind it
};

[[nodiscard]] std::string write_journal_line(const Record& record);
[[nodiscard]] std::string write_removal_line(std::string_view id);
// Without the position. Errc::invalid for a line that a power cut has cut off, and for anything else.
[[nodiscard]] Result<JournalEntry> parse_journal_line(std::string_view line);

struct JournalBatch {
    std::vector<JournalEntry> entries;
    JournalPosition next;    // where reading goes on
    std::size_t skipped = 0; // lines between that are no entries: cut off by a power cut
};

// Reads the journal of a store, and changes nothing. An entry may come twice, when a new generation began
// just as it was written.
class Journal {
  public:
    // `store` is the directory of a store; it need not be there yet.
    explicit Journal(std::string store) : store_(std::move(store)) {}

    // Before the first line that is still there.
    [[nodiscard]] Result<JournalPosition> begin() const;
    // Behind the last whole line. Who asks first and lists the records then misses nothing.
    [[nodiscard]] Result<JournalPosition> end() const;
    // At most `limit` entries. Errc::absent when the position is none of this journal, above all when its
    // generation has been removed: then the records are to be listed again.
    [[nodiscard]] Result<JournalBatch> read_from(JournalPosition position, std::size_t limit) const;

  private:
    friend class JournalWatch;
    [[nodiscard]] Result<Fd> open_dir() const;
    std::string store_;
};

// For one thread that waits for what comes. It keeps the kernel's watch of the folder from wait to wait: to
// end one takes the kernel some 10 ms (synchronize_srcu), by which a line would be told later.
class JournalWatch {
  public:
    // `journal` stays as long as this.
    explicit JournalWatch(const Journal& journal) : journal_(journal) {}

    // read_from(position, limit), once that gives something or goes on; what it gives at `deadline` else.
    [[nodiscard]] Result<JournalBatch> next(JournalPosition position, std::size_t limit,
                                            std::chrono::steady_clock::time_point deadline);

  private:
    void watch_folder();
    const Journal& journal_;
    Fd watcher_;
};

} // namespace lpm::record
