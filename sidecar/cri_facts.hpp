// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <grpcpp/support/status.h>
#include <string>

#include "cri.pb.h"
#include "json/json.hpp"

// What the answers of a container runtime mean, as `lpm-sidecar --ask-cri` prints it (docs/sidecar.md). `how`
// is how the call ended; the answer counts when that is OK. What cannot be told is {"unknown": the reason,
// for a person}.
namespace lpm::sidecar {

[[nodiscard]] json::Value unknown(std::string why);
[[nodiscard]] bool is_unknown(const json::Value& facts);

[[nodiscard]] json::Value version_facts(const grpc::Status& how,
                                        const ::runtime::v1::VersionResponse& answer);
[[nodiscard]] json::Value status_facts(const grpc::Status& how, const ::runtime::v1::StatusResponse& answer);
// Of the checkpoint of a container that is not there: whether the runtime, as it runs, takes checkpoints.
[[nodiscard]] json::Value checkpoint_facts(const grpc::Status& how);

} // namespace lpm::sidecar
