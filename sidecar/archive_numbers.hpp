// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <thread>

#include "archives.hpp"

namespace lpm::sidecar {

// In Prometheus' text format. `seen`: all that `folders` list. `now_ms`: Unix time, of the look.
[[nodiscard]] std::string numbers_of(std::span<const service::ArchiveFolder> folders,
                                     std::span<const KnownArchive> seen, std::uint64_t now_ms);

// Numbers of the archives of this node. They are looked at when somebody asks, in a thread of their own: a
// packed archive that is new is read to its end, which no scrape waits for. Called by many threads.
class ArchiveNumbers {
  public:
    explicit ArchiveNumbers(Archives& archives) : archives_(archives) {}
    ArchiveNumbers(const ArchiveNumbers&) = delete;
    ArchiveNumbers& operator=(const ArchiveNumbers&) = delete;
    ~ArchiveNumbers();

    // Of a look that begins now, when that ends within two seconds; else of the last one, which
    // lpm_archives_seen_timestamp_seconds tells. Empty when there has been none.
    [[nodiscard]] std::string text();

  private:
    void work();
    [[nodiscard]] Result<std::string> look();
    [[nodiscard]] bool is_ending();

    Archives& archives_;
    std::mutex mutex_; // of the next ones
    std::condition_variable changed_;
    std::string text_;
    std::uint64_t asked_ = 0; // looks that were asked for
    std::uint64_t done_ = 0;  // of these
    bool ending_ = false;
    std::thread worker_; // from the first question on: what it may do was limited before
};

} // namespace lpm::sidecar
