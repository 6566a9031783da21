// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "output.hpp"
#include "program.hpp"
#include "record/record.hpp"
#include "record/store.hpp"

namespace lpm::cli {

// "shop/web-1/app", or the first twelve characters of the id where there is no Kubernetes.
[[nodiscard]] std::string container_text(const record::Record& record);
// Of the whole call, in microseconds; nothing while it goes on.
[[nodiscard]] std::optional<std::uint64_t> time_of(const record::Record& record);
// "2026-11-26 22:10:03" of a time in RFC 3339, UTC.
[[nodiscard]] std::string short_time(std::string_view rfc3339);

// As docs/records.md has it.
[[nodiscard]] json::Value value_of(const record::Record& record);
// An id of a record as it is written: people may type small letters.
[[nodiscard]] std::string in_capitals(std::string id);

// "56 of 57 passed"
[[nodiscard]] std::string passed_text(const std::vector<record::Finding>& findings);
// Those that have not.
void add_others(const std::vector<record::Finding>& findings, Description& to);

// Of arguments that may be an id of a record: the newest ones.
[[nodiscard]] std::vector<Suggestion> suggest_records(std::string_view kind, const Typed& typed);

// The store, to read. The error says what to do when it is not there, or may not be read.
[[nodiscard]] Result<record::Store> open_store(const std::string& path);
// At most so many, the newest first; none of a store that cannot be read.
[[nodiscard]] std::vector<record::ListedRecord> newest_records(const std::string& path, std::size_t count);
// By its id, in whatever case; "latest": the newest one.
[[nodiscard]] Result<record::Record> find_record(const record::Store& store, const std::string& id);

} // namespace lpm::cli
