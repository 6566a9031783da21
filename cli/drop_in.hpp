// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "crio/drop_in.hpp"
#include "runtimes.hpp"

// CRI-O's configuration on this node, with lpm's drop-in and without it.
namespace lpm::cli {

struct NodeConfig {
    crio::Files files;                  // where it lies
    crio::Configuration with;           // as it is
    crio::Configuration others;         // without the drop-in
    std::optional<std::string> drop_in; // its text; nothing: there is none
    std::vector<std::string> handlers;  // that the drop-in sets
    std::string built_in;               // see crio::Wanted
    Implementation real;                // what lpm-runc becomes

    [[nodiscard]] bool is_edited() const { return drop_in && !crio::is_as_made(*drop_in); }
    [[nodiscard]] std::string path() const;
    // The drop-in of these handlers, as it should be now.
    [[nodiscard]] Result<std::string> make(std::vector<std::string> names) const;
};

// Runs `crio --version` where no file sets the default handler.
[[nodiscard]] Result<NodeConfig> read_node_config(const crio::Files& files);

// What the handler runs in that configuration, lpm-runc seen through; nothing: it has no such handler.
[[nodiscard]] std::optional<Implementation> implementation_in(const NodeConfig& node,
                                                              const crio::Configuration& configuration,
                                                              const std::string& handler);

// Errc::busy when containers of the handler live that `next` does not know. `next`: nothing when it goes.
// Returns what must not be so when CRI-O takes the change, which is later; empty when it is no matter.
[[nodiscard]] Result<std::string> check_containers(const NodeConfig& node, const std::string& handler,
                                                   const std::optional<Implementation>& next);

} // namespace lpm::cli
