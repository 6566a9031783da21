// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "read_archive.hpp"

#include <cerrno>
#include <sys/stat.h>

#include "base/text.hpp"
#include "convert.hpp"
#include "convert_processes.hpp"
#include "node/checksum.hpp"

namespace lpm::sidecar {

Result<lpm::node::Archive> inspect_archive(int fd, bool environment, const Ask& ask,
                                           node::v1::InspectArchiveResponse& to) {
    TRY_ASSIGN(lpm::node::Archive read, lpm::node::read_archive(fd, lpm::node::Depth::processes, ask));
    convert(read, to);
    TRY(add_memory(fd, read.images, environment, ask, to));
    return read;
}

// What the images say of each other, and of themselves. An error: they could not be looked at.
static Result<inspect::ImageFacts> verify_images(const lpm::node::Archive& archive) {
    constexpr std::chrono::seconds time{30};
    if (archive.more_parts)
        return fail(Errc::unavailable, "it has more parts than can be looked at: a thread has one");
    const inspect::Caller nobody;
    const inspect::HostFacts nowhere;
    const std::optional<oci::Bundle> no_bundle;
    auto facts = inspect::inspect_images(
        archive.images, {.caller = nobody, .host = nowhere, .bundle = no_bundle, .deadline = Deadline(time)});
    const auto& verified = *facts.complete;
    if (!verified && (verified.error().code == Errc::unavailable || verified.error().code == Errc::busy))
        return std::unexpected(verified.error());
    return facts;
}

Result<VerifiedArchive> verify_archive(int fd, const Ask& ask, node::v1::VerifyArchiveResponse& to) {
    struct stat before{};
    struct stat after{};
    if (::fstat(fd, &before) != 0)
        return fail_errno(errno, "stat");
    lpm::node::Sha256 digest;
    TRY_ASSIGN(lpm::node::Archive read,
               lpm::node::read_archive(fd, lpm::node::Depth::images, ask,
                                       [&](std::span<const std::byte> bytes) { digest.add(bytes); }));
    to.set_sha256(digest.end());
    to.set_bytes(read.bytes_read);
    if (::fstat(fd, &after) != 0)
        return fail_errno(errno, "stat");
    if (!lpm::node::is_unchanged(before, after))
        return fail(Errc::busy, "the archive was written while it was read: begin again");
    if (read.state != lpm::node::ArchiveState::whole) {
        to.add_faults(read.message);
        return VerifiedArchive{std::move(read), {}};
    }
    TRY_ASSIGN(inspect::ImageFacts facts, verify_images(read));
    if (!*facts.complete)
        to.add_faults(one_line(facts.complete->error().text));
    return VerifiedArchive{std::move(read), std::move(facts)};
}

} // namespace lpm::sidecar
