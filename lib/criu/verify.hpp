// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <vector>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "criu/image_source.hpp"
#include "criu/images/inventory.hpp"
#include "criu/images/pstree.hpp"

// What CRIU's images must hold to be restored.
namespace lpm::criu {

// The two images that lead to all others. Errc::absent or Errc::invalid as below.
struct Images {
    Result<InventoryEntry> inventory;
    Result<std::vector<PstreeEntry>> pstree;
};
[[nodiscard]] Images read_images(const ImageSource& source);

// Reads the headers and small images of the source, from which `images` are: a core per thread, and for each
// address space and each shared memory that the pages file is as long as its page map says. Errc::absent or
// Errc::invalid with a text that names the first file that is missing, damaged or too short; Errc::busy when
// the time is over before the end.
struct PageCount {
    std::uint64_t all = 0;    // in all pages files; what forks have not written since is there for each
    std::uint64_t most = 0;   // of one process, which needs each of them for itself
    std::uint64_t shared = 0; // of shared mappings, memfds and System V segments, there once
    std::uint64_t size = 0;   // of a page, in bytes
};
[[nodiscard]] Result<PageCount> verify_images(const ImageSource& source, const Images& images,
                                              const Deadline& deadline);

} // namespace lpm::criu
