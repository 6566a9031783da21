// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "record/store.hpp"

namespace lpm::record {

// What one round has done.
struct SettleReport {
    std::size_t records = 0;         // that stay
    std::size_t settled = 0;         // intents that nobody would have ended any more
    std::size_t removed = 0;         // records, for their age or number
    std::size_t journalled = 0;      // ends that the journal did not tell
    std::size_t removed_logs = 0;    // directories of logs, of removed records or for their size
    bool new_journal = false;        // a new generation was begun
    std::vector<std::string> faults; // "what: why", for things that were left as they are; at most 20
};

// Ends records whose gate is gone, and keeps the store within its bounds: what the gate never does, since
// it never scans. One round reads every record once.
class Keeper {
  public:
    // Errc::busy while another process is at it.
    [[nodiscard]] static Result<Keeper> open(const std::string& dir);

    // Gates may write meanwhile. The record of a gate that is alive is left alone, whatever its age.
    [[nodiscard]] SettleReport run(const config::Retention& limits);

    // Puts how long containers stood still into their records (stand_still.hpp). A record that is not final
    // yet gets it in a later round. Returns faults as a round does.
    [[nodiscard]] std::vector<std::string> join_stand_stills(const std::string& run_dir);

    // What was found out about a call after its end.
    [[nodiscard]] Result<> add_notes(const std::string& id, const std::vector<std::string>& notes);

  private:
    Keeper(Store store, Fd dir, Fd lock)
        : store_(std::move(store)), dir_(std::move(dir)), lock_(std::move(lock)) {}
    struct Entry {
        std::string id;
        bool ended = true; // as far as anybody will ever know; else its gate is alive
        bool refused = false;
        std::string end{}; // of a final record, as it says
    };
    [[nodiscard]] std::vector<std::string> list_records();
    // Reads the record, and settles it if nobody else will.
    [[nodiscard]] std::optional<Entry> look(const std::string& id);
    void settle(Record& record);
    [[nodiscard]] bool remove(const std::string& id);
    [[nodiscard]] bool abandoned(const Record& record) const;
    void remove_old(std::vector<Entry>& entries, const config::Retention& limits);
    // Whether records may be removed for their age.
    [[nodiscard]] bool believes_clock();
    void complete_journal(const std::vector<Entry>& entries);
    void remove_logs(const std::vector<Entry>& entries, std::uint64_t limit);
    void renew_journal(std::uint64_t limit);
    void fault(std::string_view what, std::string_view why);

    Store store_;
    Fd dir_;
    Fd lock_;
    std::string boot_;
    bool complete_ = false; // all records have been listed
    SettleReport report_;
};

} // namespace lpm::record
