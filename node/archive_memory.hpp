// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.hpp"
#include "node/archive_images.hpp"
#include "node/tar.hpp"

namespace lpm::node {

// A piece of what a process had in its memory.
struct MemoryPiece {
    std::uint32_t pid = 0;
    std::uint64_t begin = 0; // addresses
    std::uint64_t end = 0;
    std::string content{}; // all of it, or empty
    std::string fault{};   // why it could not be read
};

// Reads them from the archive that has these images. Of a plain tar it reads the pages that they lie in, and
// nothing else; what is packed is unpacked once more, up to the last of them. Who calls bounds the pieces.
// Errc::unavailable when `ask` ends it, or the file cannot be read; all else is a fault of a piece.
[[nodiscard]] Result<> read_memory(int fd, const ArchiveImages& images, std::span<MemoryPiece> pieces,
                                   const TarReader::Ask& ask);

} // namespace lpm::node
