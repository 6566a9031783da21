// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/store.hpp"
#include "request.hpp"

namespace lpm::gate {

// What is known of a call before anything is looked at; not published.
[[nodiscard]] record::Record begin_record_of(const Request& request, const Arguments& arguments,
                                             record::Operation operation);
// Appends a note, bounded.
void add_note(record::Record& record, std::string_view text);

// The record of this call, from the intent to its final state, and what the caller is told at the end.
// Nothing of it may keep the operation from happening: what cannot be written becomes a note, or nothing.
class Recorder {
  public:
    // Of a call that is over: what is found out later.
    explicit Recorder(record::Record record) : record_(std::move(record)) {}
    // Publishes the intent. `prepared`: the record of what was settled before the call; it gives attempt,
    // object and the hooks that have run.
    Recorder(const Request& request, const Arguments& arguments, record::Operation operation,
             const record::Record* prepared = nullptr);

    [[nodiscard]] record::Record& record() { return record_; }
    [[nodiscard]] const record::Record& record() const { return record_; }
    // "the failed checkpoint of ID"
    [[nodiscard]] std::string failed_operation() const;

    void note(std::string_view text);
    // A line for standard error, which is written by `tell` when the record is safe: standard error may be a
    // pipe that nobody reads any more.
    void say(std::string line) { lines_.push_back(std::move(line)); }
    void tell() const;

    void publish();
    void settle_intent();
    [[nodiscard]] Result<Fd> make_log_dir();
    // Empty when there is no store.
    [[nodiscard]] std::string log_dir() const;

  private:
    std::optional<record::Store> store_;
    record::Record record_;
    std::vector<std::string> lines_;
};

// The record that took the images in `dir`, by the manifest that lies with them; empty when none does.
[[nodiscard]] std::string record_of_images(const std::string& dir);

} // namespace lpm::gate
