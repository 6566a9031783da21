// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "numbers.hpp"

namespace lpm::controller {

static const std::string kind = "containercheckpoint";

Numbers::Numbers() {
    metrics_.declare_counter("controller_runtime_reconcile_total", "Looks at objects");
    metrics_.declare_counter("controller_runtime_reconcile_errors_total",
                             "Looks at objects that are tried again");
    metrics_.declare_histogram("controller_runtime_reconcile_time_seconds", "Time of a look at an object",
                               {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60});
    metrics_.declare_counter("rest_client_requests_total",
                             "Requests to the API server; code 0: no answer came");
    metrics_.declare_gauge("workqueue_depth", "Objects that wait to be looked at");
    metrics_.declare_gauge("leader_election_master_status", "1: this controller holds the Lease");
    metrics_.declare_gauge("lpm_checkpoints_under_way", "Requests to kubelets that are not answered yet");
    metrics_.declare_gauge("lpm_container_checkpoints", "ContainerCheckpoints by phase");
    metrics_.declare_gauge("lpm_crd_missing_fields", "Status fields that the installed CRD does not have");
}

void Numbers::request(std::string_view method, long status) {
    metrics_.count("rest_client_requests_total",
                   {{"method", std::string(method)}, {"code", std::to_string(status)}});
}

void Numbers::reconciled(bool success, double seconds) {
    metrics_.count("controller_runtime_reconcile_total",
                   {{"controller", kind}, {"result", success ? "success" : "error"}});
    if (!success)
        metrics_.count("controller_runtime_reconcile_errors_total", {{"controller", kind}});
    metrics_.observe("controller_runtime_reconcile_time_seconds", {{"controller", kind}}, seconds);
}

void Numbers::set_missing_fields(std::size_t count) {
    metrics_.set("lpm_crd_missing_fields", {}, static_cast<double>(count));
}

void Numbers::set_state(std::size_t queued, std::size_t under_way, bool leads,
                        const std::map<std::string, std::size_t>& by_phase) {
    metrics_.set("workqueue_depth", {{"name", kind}}, static_cast<double>(queued));
    metrics_.set("leader_election_master_status", {{"name", "lpm-controller"}}, leads ? 1 : 0);
    metrics_.set("lpm_checkpoints_under_way", {}, static_cast<double>(under_way));
    for (const char* phase : {"Pending", "Running", "Completed", "Failed"}) {
        const auto at = by_phase.find(phase);
        metrics_.set("lpm_container_checkpoints", {{"phase", phase}},
                     at == by_phase.end() ? 0.0 : static_cast<double>(at->second));
    }
}

} // namespace lpm::controller
