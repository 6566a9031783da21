// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "base/result.hpp"
#include "node.pb.h"
#include "told.hpp"

// What a sidecar says, as values of ours. Its word is not ours: what becomes a reason is one that the
// object's schema takes, what becomes part of a condition is one line and bounded.
namespace lpm::controller {

[[nodiscard]] NodeVerdict read_verdict(const node::v1::PreflightResponse& from);
// Errc::io: it names no file.
[[nodiscard]] Result<NodeArchive> read_archive(const node::v1::Archive& from);
[[nodiscard]] NodeVerified read_verified(const node::v1::VerifyArchiveResponse& from);
[[nodiscard]] NodeRecord read_record(const node::v1::Record& from);
[[nodiscard]] RestoreRecord read_restore(const node::v1::Record& from);
// Of a container of the pod with that uid.
[[nodiscard]] bool is_of_pod(const node::v1::Record& record, const std::string& uid);

} // namespace lpm::controller
