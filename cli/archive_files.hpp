// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "command.hpp"
#include "service/archives.hpp"
#include "json/json.hpp"

namespace lpm::cli {

// The archives of the node, the newest first; faults of folders go to standard error.
[[nodiscard]] Result<std::vector<service::ArchiveFile>> list_archives(const Context& context);

// What lpm-read-archive, which has no power, says of the file: `what` is its word (identity, inspect,
// environment, verify). The value has `answer`, a message of node.proto.
[[nodiscard]] Result<json::Value> read_archive(const std::string& path, const char* what,
                                               std::chrono::hours time);

// An Archive of node.proto. Of one that cannot be read the state is unknown, and `message` says why.
[[nodiscard]] json::Value identity_of(const service::ArchiveFile& file);

// A path, or the archive of this node that has this record, attempt or object.
[[nodiscard]] Result<std::string> find_archive(const Context& context, const std::string& of);

// A list in an answer; empty when it has none.
[[nodiscard]] const json::Value& list_of(const json::Value& answer, std::string_view member);
// Texts of a list, for one line.
[[nodiscard]] std::string joined(const json::Value* list);

} // namespace lpm::cli
