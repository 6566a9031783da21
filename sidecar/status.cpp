// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "status.hpp"

#include <array>
#include <cstddef>

namespace lpm::sidecar {

static grpc::StatusCode code_of(Errc code) {
    switch (code) {
    case Errc::invalid:
        return grpc::StatusCode::INVALID_ARGUMENT;
    case Errc::denied:
        return grpc::StatusCode::PERMISSION_DENIED;
    case Errc::absent:
        return grpc::StatusCode::NOT_FOUND;
    case Errc::exists:
        return grpc::StatusCode::ALREADY_EXISTS;
    case Errc::busy:
        return grpc::StatusCode::ABORTED;
    case Errc::unavailable:
        return grpc::StatusCode::UNAVAILABLE;
    case Errc::io:
        break;
    }
    return grpc::StatusCode::INTERNAL;
}

grpc::Status status_of(const Error& error) {
    return {code_of(error.code), error.text};
}

// By their numbers.
static constexpr std::array<const char*, 17> codes = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

const char* name_of(grpc::StatusCode code) {
    const auto at = static_cast<std::size_t>(code);
    return at < codes.size() ? codes[at] : "Unknown";
}

} // namespace lpm::sidecar
