// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "numbers.hpp"

#include "status.hpp"

namespace lpm::sidecar {

Numbers::Numbers() {
    metrics_.declare_counter("grpc_server_handled_total", "Calls that ended, by method and status code");
    metrics_.declare_counter("lpm_sidecar_refused_peers_total",
                             "Connections to the local socket by users who may not");
    metrics_.declare_gauge("lpm_sidecar_watches", "Watches of records that go on");
}

void Numbers::answered(const std::string& method, grpc::StatusCode code) {
    metrics_.count(
        "grpc_server_handled_total",
        {{"grpc_service", "lpm.node.v1.Node"}, {"grpc_method", method}, {"grpc_code", name_of(code)}});
}

void Numbers::refused_peer() {
    metrics_.count("lpm_sidecar_refused_peers_total");
}

void WatchCount::add(int by) {
    const std::scoped_lock lock(numbers_.mutex_);
    numbers_.watches_ += by;
    numbers_.metrics_.set("lpm_sidecar_watches", {}, numbers_.watches_);
}

} // namespace lpm::sidecar
