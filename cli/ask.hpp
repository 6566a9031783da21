// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>

#include "base/result.hpp"
#include "inspect/engine.hpp"
#include "node/gate_client.hpp"

namespace lpm::cli {

// Asks lpm-gate: by its socket, or as root by a process of our own where nobody listens. That gives no
// descriptor.
[[nodiscard]] Result<node::Reply> ask(const std::string& socket, const service::Request& request,
                                      std::chrono::seconds time);

// "NAMESPACE/POD/CONTAINER", or the beginning of an id that one container of this node has.
[[nodiscard]] Result<inspect::Target> read_target(const std::string& text);

} // namespace lpm::cli
