// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace lpm::oci {

// What lpm reads of a bundle's config.json (OCI runtime spec). All of it is optional.
struct Bundle {
    bool terminal = false;          // process.terminal
    bool network_namespace = false; // own or joined, not the host's
    // Engine annotations that name the workload (never values of environment variables).
    std::vector<std::pair<std::string, std::string>> names;
    // org.criu.config: absent, or empty = "no file", or a path that replaces /etc/criu/runc.conf.
    std::optional<std::string> criu_config;
};

[[nodiscard]] Result<Bundle> parse_bundle(std::string_view config_json);
// `path` is the bundle directory.
[[nodiscard]] Result<Bundle> read_bundle(const std::string& path);

} // namespace lpm::oci
