// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/words.hpp"

// sidecar.toml: the settings of lpm-sidecar. A fault ends it: it serves nobody yet.
namespace lpm::config {

// What a client may do: the methods of lpm.node.v1 by classes.
enum class Right { info, records, preflight, prepare, archives, erase, fetch, metrics };
inline constexpr std::string_view rights[] = {"info",     "records", "preflight", "prepare",
                                              "archives", "delete",  "fetch",     "metrics"};
constexpr std::span<const std::string_view> words_of(Right) {
    return rights;
}

struct Sidecar {
    // [listen]
    std::string tls;     // address for clients of other machines; empty: there are none
    std::string metrics; // address of /metrics; empty: it is not served

    // [tls]: PEM. Read again when they change.
    std::string certificate_file;
    std::string key_file;
    std::string client_ca_file; // whose certificates clients must show

    // [clients]: common name of a client's certificate -> what it may do. Others may do nothing.
    std::map<std::string, std::vector<Right>> clients;

    // [enroll]: of `lpm-sidecar --enroll`
    std::string enroll_kubeconfig;           // key `kubeconfig`; empty: the running kubelet's
    std::uint32_t enroll_wait_seconds = 120; // key `wait_seconds`; 1 to 600

    // [log]
    std::string log_level = "info"; // debug info warn error
    bool log_json = false;          // key `format`: "text" (the default) or "json"
};

// Errc::invalid: every fault, one "file:line: key: reason" a line.
[[nodiscard]] Result<Sidecar> parse_sidecar(std::string_view text, const std::string& file);

} // namespace lpm::config
