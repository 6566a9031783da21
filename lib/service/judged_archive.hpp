// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

// What lpm-judge, which has no power, tells lpm-gate of one archive, and what lpm-gate keeps of it.
namespace lpm::service {

struct JudgedArchive {
    bool whole = false;
    std::string message{}; // why it is not whole, or has no identity
    // Whose it is, each at most 253 bytes: as of node/archive.hpp.
    std::string engine{};
    std::string name_space{};
    std::string pod{};
    std::string name{};     // of the container
    std::string attempt{};  // of its lpm.json
    bool of_object = false; // its lpm.json names an object of Kubernetes, whose controller it belongs to

    // One can tell which other archives are of the same container.
    [[nodiscard]] bool has_identity() const;
    [[nodiscard]] bool operator==(const JudgedArchive&) const = default;
};

inline constexpr std::size_t max_judged = 8192; // bytes of an answer

[[nodiscard]] std::string write_judged(const Result<JudgedArchive>& judged);
// The error that was answered, with its code; Errc::io for what is no answer.
[[nodiscard]] Result<JudgedArchive> parse_judged(std::string_view answer);

// By the path and the id of the file, as in ArchiveFile.
using JudgedArchives = std::map<std::pair<std::string, std::string>, JudgedArchive>;
inline constexpr std::size_t max_judged_archives = std::size_t{16} << 20; // bytes of the file

// A line for each. A line that cannot be read is left out: that archive is judged again.
[[nodiscard]] std::string write_judged_archives(const JudgedArchives& archives);
[[nodiscard]] JudgedArchives parse_judged_archives(std::string_view text);

} // namespace lpm::service
