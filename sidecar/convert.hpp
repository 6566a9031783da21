// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "archives.hpp"
#include "criu/tooling.hpp"
#include "node.pb.h"
#include "record/journal.hpp"
#include "record/record.hpp"
#include "service/message.hpp"

// Between what lpm keeps and what node.proto promises. Protobuf sends nothing but UTF-8, and JSON that was
// parsed has nothing else.
namespace lpm::sidecar {

void convert(const record::Record& from, node::v1::Record& to);
// Of a record that lpm-gate answered to a preflight.
void convert(const record::Record& from, node::v1::PreflightResponse& to);
void convert(const record::Record& from, node::v1::PrepareResponse& to);
// Without the record itself.
void convert(const record::JournalEntry& from, node::v1::WatchRecordsResponse& to);
void convert(const criu::Tooling& from, node::v1::NodeInfo& to);

void convert(const KnownArchive& from, node::v1::Archive& to);
// All but the texts in the memory of processes.
void convert(const lpm::node::Archive& from, node::v1::InspectArchiveResponse& to);

// Errc::invalid for a name that is too long, or not enough to tell a container by: as lpm-gate reads it.
[[nodiscard]] Result<service::Request> read_request(const node::v1::PreflightRequest& from);
[[nodiscard]] Result<service::Request> read_request(const node::v1::PrepareRequest& from);

} // namespace lpm::sidecar
