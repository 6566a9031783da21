// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/draft.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "record/record.hpp"

namespace lpm::record {

// A record of a listing, or why it cannot be read.
struct ListedRecord {
    std::string id;
    Result<Record> record;
};
struct Listing {
    std::vector<ListedRecord> records; // in the order of their ids
    std::vector<std::string> faults;   // "records/2026-01: why", of months that could not be looked into
    std::string next;                  // what the next part comes after; empty: there is no more
};

// /var/lib/lpm: records, logs and the journal (docs/records.md). One gate writes one record; nothing is
// scanned and nothing is locked, so its cost does not grow with the store.
class Store {
  public:
    // `dir` is made when it is missing.
    [[nodiscard]] static Result<Store> open(const std::string& dir);
    // For a reader: nothing is made, and `dir` may be read-only. Errc::absent when it is not there.
    [[nodiscard]] static Result<Store> open_existing(const std::string& dir);

    // Publishes the record whole, replacing its earlier state, and appends a line to the journal. A final
    // record is on the disk when this returns; an intent only after sync().
    // A record that is published but not in the journal (the error says so) gets there when records are
    // settled.
    [[nodiscard]] Result<> publish(const Record& record);
    // What can be done while the runtime runs: puts the intent on the disk (a power cut before that has ended
    // the call as well, and leaves no record or an empty one), and makes room for the final record.
    [[nodiscard]] Result<> settle_intent(const Record& intent);
    [[nodiscard]] Result<Record> load(std::string_view id) const;
    // At most `limit` records whose ids come after `after` in that order (empty: from the first on). Changes
    // nothing, opens only the records that it returns, and holds no more than these and the names of the
    // months. One that is removed meanwhile is left out. To go on with what changes, ask Journal::end first.
    enum class Listed { oldest_first, newest_first };
    [[nodiscard]] Result<Listing> list(std::string_view after, std::size_t limit,
                                       Listed listed = Listed::oldest_first) const;

    // Appends a line of it to the journal, as publish does.
    [[nodiscard]] Result<> append_journal(const Record& record);
    // That a record was removed.
    [[nodiscard]] Result<> journal_removal(std::string_view id);
    // Begins a new generation of the journal when the present one is longer than `limit` bytes, and removes
    // all but the newest four; true when it did. Gates may append meanwhile; one process at a time.
    [[nodiscard]] Result<bool> renew_journal(std::uint64_t limit);

    [[nodiscard]] const std::string& path() const { return path_; }
    // The new directory logs/<id>, 0700.
    [[nodiscard]] Result<Fd> make_log_dir(std::string_view id);
    [[nodiscard]] std::string log_dir(std::string_view id) const;

  private:
    Store(Fd dir, std::string path) : dir_(std::move(dir)), path_(std::move(path)) {}
    // For the final state of one record.
    struct Reservation {
        std::string id;
        Fd month;
        Draft draft;
    };
    [[nodiscard]] Result<> write(int month, const Record& record);
    Fd dir_;
    std::string path_;
    std::optional<Reservation> reservation_;
};

// "records/2026-01/<id>.json": where a record lies in the store.
inline constexpr std::string_view record_suffix = ".json";
[[nodiscard]] std::string record_path(std::string_view id);
// Since 1970, from the time in the id.
[[nodiscard]] std::uint64_t milliseconds_of(std::string_view id);
// "2026-01": the month directory of a record, from the time in its id.
[[nodiscard]] std::string month_of(std::string_view id);

} // namespace lpm::record
