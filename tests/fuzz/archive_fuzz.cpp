// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "base/fd.hpp"
#include "node/archive.hpp"
#include "node/archive_memory.hpp"
#include "service/told_images.hpp"

using namespace lpm;

// Whole is what has all parts and its end, and a byte less is not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Fd file(::memfd_create("archive", MFD_CLOEXEC));
    if (!file || ::write(file.get(), data, size) != static_cast<ssize_t>(size))
        return 0;
    const auto go_on = [] { return Result<>(); };
    const auto read = node::read_archive(file.get(), node::Depth::processes, go_on);
    if (!read)
        return 0; // packed with a window that is too large
    const inspect::Caller nobody;
    const inspect::HostFacts nowhere;
    const std::optional<oci::Bundle> no_bundle;
    const auto facts = inspect::inspect_images(read->images, {.caller = nobody,
                                                              .host = nowhere,
                                                              .bundle = no_bundle,
                                                              .deadline = Deadline(std::chrono::seconds(1))});
    const auto told = service::read_images(service::write_images(facts));
    if (told && told->inventory.has_value() != facts.inventory.has_value())
        std::abort();
    std::vector<node::MemoryPiece> pieces;
    for (std::uint32_t pid = 1; pid < 4; ++pid)
        for (const std::uint64_t begin : {0x1000U, 0x1ff0U})
            pieces.push_back({.pid = pid, .begin = begin, .end = begin + 64});
    if (!node::read_memory(file.get(), read->images, pieces, go_on))
        std::abort();
    for (const auto& piece : pieces)
        if (piece.content.size() != (piece.fault.empty() ? 64U : 0U))
            std::abort();
    std::size_t seen = 0;
    const auto tapped = node::read_archive(file.get(), node::Depth::identity, go_on,
                                           [&](std::span<const std::byte> bytes) { seen += bytes.size(); });
    if (!tapped || seen < size)
        std::abort();
    // Only who reads to the end sees what is wrong with it.
    if (tapped->state != read->state &&
        (read->state != node::ArchiveState::whole || tapped->state != node::ArchiveState::truncated))
        std::abort();
    return 0;
}
