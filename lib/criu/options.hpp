// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/argv.hpp"

// Which options CRIU will work with for one call, and where each comes from.
namespace lpm::criu {

struct Setting {
    std::string name;      // long option, without dashes
    std::string value;     // empty for a flag
    std::string source;    // file, or "argv"
    std::size_t line = 0;  // of the file; 0: of none
    std::string written{}; // the name as it stands there, with "no-"
    bool joined = false;   // by "=" with its value, which a flag may not be
};

// A CRIU configuration file: an option a line, `name value` or `name=value`, `#` begins a comment.
[[nodiscard]] std::vector<Setting> parse_config(std::string_view text, const std::string& source);

// The name of the option that CRIU takes this for in a configuration file, where the beginning of a name will
// do; without "no-". What it does not take is itself.
[[nodiscard]] std::string_view whole_name(std::string_view written);

// Whether CRIU of that version (0: not known) takes a configuration file with an option of this name. It ends
// at one that it does not know, before it looks at anything else. Nothing: that is not known.
[[nodiscard]] std::optional<bool> knows_option(std::string_view written, std::uint32_t version);

// CRIU takes this value for the option, as far as it looks at it when it reads its configuration; it ends at
// one that it does not take, as at a name.
[[nodiscard]] bool takes_value(const Setting& setting);

struct Sources {
    std::string home;        // $HOME of the caller; may be empty
    std::string config_file; // $CRIU_CONFIG_FILE; may be empty
    // What the runtime hands to CRIU as configuration file: runc's default, or org.criu.config.
    std::string runtime_config = "/etc/criu/runc.conf";
    // The runtime has a flag for it (runc since 1.3); then it sends "off" when the flag is not given.
    bool sends_link_remap = true;
    bool sends_skip_in_flight = true;
    std::string root{}; // where the caller's root directory is for us; empty when it is ours
};

// What lpm adds to a call.
struct Additions {
    std::vector<Setting> words; // for the runtime's command line: flags of its own, with "true" as value
    std::vector<Setting> lines; // for CRIU's configuration file, for what the runtime has no flag

    [[nodiscard]] bool empty() const { return words.empty() && lines.empty(); }
};
// "--file-locks=true", as it stands on the command line.
[[nodiscard]] std::string word_of(const Setting& setting);
// "ghost-limit 512M", as it stands in the file.
[[nodiscard]] std::string line_of(const Setting& setting);

// In CRIU's order, so that the last setting of a name is in force (criu/config.c): default.conf, the user's
// default.conf, $CRIU_CONFIG_FILE, what runc sends from its argv, the runtime's configuration file.
class EffectiveOptions {
  public:
    [[nodiscard]] static EffectiveOptions read(const Sources& sources, const oci::Invocation& invocation);
    // Words count like the caller's argv, lines like the end of $CRIU_CONFIG_FILE. Once.
    void add(const Additions& additions);
    // The setting in force; nothing when CRIU's built-in default is.
    [[nodiscard]] std::optional<Setting> find(std::string_view name) const;
    // All that are set, in CRIU's order.
    [[nodiscard]] const std::vector<Setting>& all() const { return settings_; }
    // A flag is set, and not turned off again.
    [[nodiscard]] bool on(std::string_view name) const;

  private:
    std::vector<Setting> settings_;
    std::ptrdiff_t lines_at_ = 0; // where additions belong
    std::ptrdiff_t words_at_ = 0;
};

// The size in bytes above which CRIU takes no deleted file, as CRIU reads it; its default when the option is
// not set.
[[nodiscard]] std::uint64_t ghost_limit(const EffectiveOptions& options);

} // namespace lpm::criu
