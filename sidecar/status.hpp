// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <grpcpp/support/status.h>

#include "base/result.hpp"

namespace lpm::sidecar {

// The one place where an error becomes a gRPC status (proto/node.proto says which).
[[nodiscard]] grpc::Status status_of(const Error& error);

// As grpc-ecosystem's exporters write it: "DeadlineExceeded".
[[nodiscard]] const char* name_of(grpc::StatusCode code);

} // namespace lpm::sidecar
