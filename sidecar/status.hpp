// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <grpcpp/support/status.h>

#include "base/result.hpp"

namespace lpm::sidecar {

// The one place where an error becomes a gRPC status (proto/node.proto says which).
[[nodiscard]] grpc::Status status_of(const Error& error);

} // namespace lpm::sidecar
