// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/adding.hpp"

#include "base/text.hpp"

namespace lpm::check {

// The node's options, and what the pod's annotation may change of them.
static config::Options wanted_options(Facts& facts) {
    const config::Settings& settings = *facts.subject.settings;
    config::Options options = settings.options;
    std::string_view list = facts.bundle ? std::string_view(facts.bundle->options) : std::string_view{};
    while (!list.empty()) {
        const auto comma = list.find(',');
        const auto one = trim(list.substr(0, comma));
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        const auto equals = one.find('=');
        const auto name = trim(one.substr(0, equals));
        const auto value =
            equals == std::string_view::npos ? std::string_view{} : trim(one.substr(equals + 1));
        const std::string what = "the annotation lpm.my.domain/options: " + one_line(one, 100);
        if (!settings.may_set(name))
            facts.notes.push_back(what + ": lpm.toml of this node does not allow that; ignored");
        else if (!options.set(name, value))
            facts.notes.push_back(what + ": there is no such option, or it has no such value; ignored");
    }
    return options;
}

void decide_additions(Facts& facts, const criu::Options& before) {
    if (!facts.runtime || facts.subject.settings == nullptr)
        return;
    config::Options options = wanted_options(facts);
    if (before.on("tcp-close") || before.on("tcp-established"))
        options.tcp = config::Tcp::refuse;
    if (before.find("ghost-limit"))
        options.ghost_limit.clear();
    facts.additions = facts.subject.stage == Stage::checkpoint
                          ? criu::for_checkpoint(options, *facts.invocation, *facts.runtime)
                          : criu::for_restore(options, *facts.invocation, *facts.runtime, facts.dumped);
}

} // namespace lpm::check
