// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/argv.hpp"

// Which options CRIU will work with for one call, and where each comes from.
namespace lpm::criu {

struct Setting {
    std::string name;   // long option, without dashes
    std::string value;  // empty for a flag
    std::string source; // file, or "argv"
};

// A CRIU configuration file: an option a line, `name value` or `name=value`, `#` begins a comment.
[[nodiscard]] std::vector<Setting> parse_config(std::string_view text, const std::string& source);

struct Sources {
    std::string home;        // $HOME of the caller; may be empty
    std::string config_file; // $CRIU_CONFIG_FILE; may be empty
    // What the runtime hands to CRIU as configuration file: runc's default, or org.criu.config.
    std::string runtime_config = "/etc/criu/runc.conf";
};

// In CRIU's order, so that the last setting of a name is in force (criu/config.c): default.conf, the user's
// default.conf, $CRIU_CONFIG_FILE, what runc sends from its argv, the runtime's configuration file.
class Options {
  public:
    [[nodiscard]] static Options read(const Sources& sources, const oci::Invocation& invocation);
    // The setting in force; nothing when CRIU's built-in default is.
    [[nodiscard]] std::optional<Setting> find(std::string_view name) const;

  private:
    std::vector<Setting> settings_;
};

} // namespace lpm::criu
