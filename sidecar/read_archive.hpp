// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>

#include "inspect/images.hpp"
#include "node.pb.h"
#include "node/archive.hpp"

// What lpm-sidecar and lpm-read-archive say of an archive that is open. Who calls knows the file, and fills
// in `archive` of the answer.
namespace lpm::sidecar {

using Ask = lpm::node::TarReader::Ask;

// Errors as of read_archive.
[[nodiscard]] Result<lpm::node::Archive> inspect_archive(int fd, bool environment, const Ask& ask,
                                                         node::v1::InspectArchiveResponse& to);

struct VerifiedArchive {
    lpm::node::Archive archive;
    std::optional<inspect::ImageFacts> images; // of a whole one, for who judges its restore
};
// Errc::busy when it was written meanwhile; else errors as of read_archive.
[[nodiscard]] Result<VerifiedArchive> verify_archive(int fd, const Ask& ask,
                                                     node::v1::VerifyArchiveResponse& to);

} // namespace lpm::sidecar
