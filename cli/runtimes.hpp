// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/runtime.hpp"

// Which runtimes this node has, and whose containers live.
namespace lpm::cli {

struct Implementation {
    std::string path;    // empty: there is none
    std::string version; // empty: not probed
    oci::RuntimeKind kind = oci::RuntimeKind::unknown;

    // "runc 1.1.15 (/usr/sbin/runc)"
    [[nodiscard]] std::string text() const;
    // Both read the states that the other wrote. What is unknown does not.
    [[nodiscard]] bool is_like(const Implementation& other) const;
};

// By what lpm-gate --probe has found out, else by the name of the file that `path` leads to.
[[nodiscard]] Implementation implementation_of(const std::string& path);
// What lpm-runc becomes.
[[nodiscard]] Implementation real_runtime();

// `path` leads to lpm-runc, or to a copy of it or of another program of lpm's.
[[nodiscard]] bool is_lpm(const std::string& path);

// `path` is a script that calls lpm-runc, which would go round in a circle.
[[nodiscard]] bool calls_lpm(const std::string& path);

// Containers whose state lies in one of these directories: ids, in their order. At most 100,000.
[[nodiscard]] std::vector<std::string> live_containers(const std::vector<std::string>& roots);
// "3 containers live (/run/runc)"; empty when there are none.
[[nodiscard]] std::string live_text(const std::vector<std::string>& roots);

} // namespace lpm::cli
