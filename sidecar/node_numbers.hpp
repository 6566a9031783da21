// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/text.hpp"
#include "criu/tooling.hpp"
#include "node/metrics.hpp"
#include "record/journal.hpp"
#include "record/store.hpp"

namespace lpm::sidecar {

// Of what lpm-gate --probe has kept, in Prometheus' text format.
[[nodiscard]] std::string numbers_of(const criu::Tooling& tooling);

// Checkpoints and restores that have ended since this was made, by their outcomes and reasons. They are
// counted when somebody asks. Called by many threads.
class RecordNumbers {
  public:
    explicit RecordNumbers(const std::string& store);
    [[nodiscard]] std::string text();

  private:
    void count(const record::Store& store, const record::JournalEntry& entry);
    // A final record is published again when something is found out later; and what had ended before does not
    // count.
    [[nodiscard]] bool is_new(const record::JournalEntry& entry);
    [[nodiscard]] Result<> read_on();

    const std::string path_;
    const record::Journal journal_;
    node::Metrics metrics_;
    std::mutex mutex_;                                // of position_
    std::optional<record::JournalPosition> position_; // nothing: it could not be read yet
    std::set<std::string> counted_;                   // ids, the newest of them
    const std::string since_ = rfc3339(now());
};

} // namespace lpm::sidecar
