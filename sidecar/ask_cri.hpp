// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crio/crio.hpp"
#include "json/json.hpp"

// `lpm-sidecar --ask-cri`, as root: what the node's container runtime says of itself. Whoever has its socket
// has root's power; this is a short process, which sends three questions and reads their answers.
namespace lpm::sidecar {

// The path of a socket: "/run/crio/crio.sock", "unix:///run/crio/crio.sock". Errc::invalid: another endpoint.
[[nodiscard]] Result<std::string> socket_of(std::string_view endpoint);

// The object that is printed (docs/sidecar.md). `endpoint`: empty for that of CRI-O's configuration in
// `files`. `wait`: for the connection, and for each of the answers. What could not be told has its reason
// in it; `version` is unknown when nothing could be asked. Errc::invalid: the endpoint is none; Errc::io:
// this process can make no socket.
[[nodiscard]] Result<json::Value> ask_cri(const std::string& endpoint, const crio::Files& files,
                                          std::chrono::seconds wait);

} // namespace lpm::sidecar
