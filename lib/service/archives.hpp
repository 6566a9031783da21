// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// What lpm-gate answers of the archives of checkpoints on this node.
namespace lpm::service {

inline constexpr std::size_t max_archives = 5000; // of one answer

// Where a file system does not tell who has a file open: what was written so long ago is done. Engines write
// without a rest.
inline constexpr std::uint64_t rest_ms = 60'000;

struct ArchiveFile {
    std::string path{};
    std::string id{}; // another one for another file under that path, and when it is written again
    std::uint64_t size = 0;
    std::uint64_t modified_ms = 0; // Unix time
    bool pinned = false;           // PATH.keep is there
    std::optional<bool> writing{}; // somebody has it open to write; nothing: the file system does not tell
};

struct ArchiveFolder {
    std::string path{};
    std::string fault{};              // why it cannot be read; empty: it was
    bool cut_off = false;             // it has more than max_archives
    std::vector<ArchiveFile> files{}; // in the order of their names
};

[[nodiscard]] std::string write_archives(const Result<std::vector<ArchiveFolder>>& folders);
[[nodiscard]] Result<std::vector<ArchiveFolder>> parse_archives(std::string_view answer);
// Of one that was opened or deleted.
[[nodiscard]] std::string write_archive(const Result<ArchiveFile>& file);
[[nodiscard]] Result<ArchiveFile> parse_archive(std::string_view answer);

} // namespace lpm::service
