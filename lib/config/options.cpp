// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/settings.hpp"

namespace lpm::config {

static bool set_tcp(Options& options, std::string_view value) {
    const auto tcp = find_value<Tcp>(value);
    options.tcp = tcp.value_or(options.tcp);
    return tcp.has_value();
}

// Digits, and a letter for their unit: it becomes a line of CRIU's configuration.
static bool set_ghost_limit(Options& options, std::string_view value) {
    constexpr std::size_t longest = 16;
    const auto digits = value.substr(0, value.find_first_not_of("0123456789"));
    const auto unit = value.substr(digits.size());
    if (digits.empty() || digits.size() > longest ||
        (!unit.empty() && unit != "K" && unit != "M" && unit != "G"))
        return false;
    options.ghost_limit = value;
    return true;
}

template <bool Options::* member> static bool set_flag(Options& options, std::string_view value) {
    if (value != "true" && value != "false")
        return false;
    options.*member = value == "true";
    return true;
}

struct Named {
    std::string_view name;
    bool (*set)(Options&, std::string_view);
};
static constexpr Named named[] = {
    {"tcp", set_tcp},
    {"skip_in_flight", set_flag<&Options::skip_in_flight>},
    {"link_remap", set_flag<&Options::link_remap>},
    {"ghost_limit", set_ghost_limit},
    {"file_locks", set_flag<&Options::file_locks>},
    {"own_cgroup", set_flag<&Options::own_cgroup>},
};

bool Options::set(std::string_view name, std::string_view value) {
    for (const Named& option : named)
        if (option.name == name)
            return option.set(*this, value);
    return false;
}

} // namespace lpm::config
