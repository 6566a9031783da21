// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <sys/types.h>

// /proc/PID/maps.
namespace lpm::procfs {

struct Mapping {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    bool write = false;
    bool exec = false;
    bool shared = false;
    dev_t device = 0;
    std::uint64_t inode = 0;
    std::string_view path; // into the text; of anonymous memory empty or a name in brackets: "[heap]"
};
// The next line that is a mapping, in order; nothing at the end. Takes what it has read off `maps`.
[[nodiscard]] std::optional<Mapping> next_mapping(std::string_view& maps);

} // namespace lpm::procfs
