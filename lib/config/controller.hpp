// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// controller.toml: the settings of lpm-controller. Unlike lpm.toml, whose faults may stop no container, a key
// that is not known or has a wrong value is an error: nothing is running yet that could be harmed.
namespace lpm::config {

struct Controller {
    // [api]
    std::string kubeconfig;         // path, or a list as $KUBECONFIG; empty: $KUBECONFIG, else in the cluster
    std::string context;            // of it; empty: its current one
    bool allow_exec = false;        // programs that a kubeconfig names for credentials may be run
    bool environment_proxy = false; // HTTPS_PROXY and NO_PROXY count; else the kubeconfig's proxy-url only

    // [controller]
    std::string name_space; // key `namespace`: of the Lease, the ServiceAccount; empty: the pod's own, or
                            // "lpm-system"
    std::string lease = "lpm-controller";    // its name
    std::string success_phase = "Completed"; // or "Succeeded"
    std::uint32_t workers = 8;               // objects that are looked at at the same time; 1 to 64
    std::uint32_t per_node = 2;              // checkpoints under way on one node; 1 to 64
    std::uint32_t in_all = 64;               // checkpoints under way; 1 to 1024
    std::uint32_t keep_per_container =
        0; // finished objects of a container; older ones are deleted; 0: all; to 10000

    // [kubelet]
    bool through_proxy = false; // key `mode`: "direct" (the default) or "proxy": the API server's node proxy
    std::string ca_file;        // of the kubelets' certificates; empty: the API server's
    std::map<std::string, std::vector<std::string>> pins; // [kubelet.pins]: node = ["sha256//...", ...]
    std::string token_file;       // what kubelets are shown, when it is not a token of `service_account`
    std::string certificate_file; // or this
    std::string key_file;
    std::string service_account =
        "lpm-kubelet"; // in `namespace`; a token of it is asked for from the API server

    // [signer]
    bool signer = false; // key `enabled`: requests of nodes for certificates of sidecars are signed
    std::uint32_t certificate_hours = 2160; // key `hours`: how long these are good for, at most; 1 to 8760

    // [sidecar]
    bool ask_sidecar = false;          // key `enabled`
    std::uint32_t sidecar_port = 9442; // key `port`; 1 to 65535
    std::string sidecar_ca_file;       // keys as those of [kubelet]; PEM, read again when they change
    std::string sidecar_certificate_file;
    std::string sidecar_key_file;
    std::uint32_t verify_seconds = 300; // 0: no archive is read

    // [log]
    std::string log_level = "info"; // debug info warn error
    bool log_json = false;          // key `format`: "text" (the default) or "json"

    // [listen]
    std::string health = "127.0.0.1:8081";  // /healthz, /readyz
    std::string metrics = "127.0.0.1:8080"; // /metrics; the same address: one server for both
};

// Errc::invalid: every fault, one "file:line: key: reason" a line.
[[nodiscard]] Result<Controller> parse_controller(std::string_view text, const std::string& file);

} // namespace lpm::config
