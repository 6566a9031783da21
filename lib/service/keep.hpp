// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "service/archives.hpp"
#include "service/judged_archive.hpp"

// Which archives [archives] keep of lpm.toml removes.
namespace lpm::service {

struct KeptArchive {
    const ArchiveFile* file = nullptr;
    const JudgedArchive* judged = nullptr; // nullptr: nobody could tell
};

// Somebody writes it, or may (ArchiveFile::writing): it is not judged by what it has now. `now_ms`: Unix
// time.
[[nodiscard]] bool may_be_written(const ArchiveFile& file, std::uint64_t now_ms);

// Those beyond the newest `keep` of their container, the oldest first. Only a whole archive with an identity
// counts and is removed; one that is pinned, written or of an object, or the same file under a second name,
// does neither. 0 keeps all.
[[nodiscard]] std::vector<KeptArchive> beyond(std::span<const KeptArchive> archives, std::uint32_t keep,
                                              std::uint64_t now_ms);

} // namespace lpm::service
