// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/effective_options.hpp"

#include "base/text.hpp"

namespace lpm::inspect {

// The node's options, and what the pod's annotation may change of them.
static config::Options wanted_options(Facts& facts) {
    const config::Settings& settings = *facts.subject.settings;
    config::Options options = settings.options;
    std::string_view list = facts.bundle ? std::string_view(facts.bundle->options) : std::string_view{};
    while (!list.empty()) {
        auto value = next_part(list, ',');
        const std::string what = "the annotation lpm.my.domain/options: " + one_line(trim(value), 100);
        const auto name = trim(next_part(value, '='));
        if (!settings.may_set(name))
            facts.notes.push_back(what + ": lpm.toml of this node does not allow that; ignored");
        else if (!options.set(name, trim(value)))
            facts.notes.push_back(what + ": there is no such option, or it has no such value; ignored");
    }
    return options;
}

void decide_additions(Facts& facts) {
    if (!facts.runtime || facts.subject.settings == nullptr)
        return;
    config::Options options = wanted_options(facts);
    if (facts.options.on("tcp-close") || facts.options.on("tcp-established"))
        options.tcp = config::Tcp::refuse;
    if (facts.options.find("ghost-limit"))
        options.ghost_limit.clear();
    criu::Dumped dumped = facts.dumped;
    // An older CRIU ends at the word, and does not ask for it either.
    dumped.allow_uprobes = dumped.allow_uprobes && facts.criu && facts.criu->version >= criu::knows_uprobes;
    facts.additions = facts.subject.stage == Stage::checkpoint
                          ? criu::for_checkpoint(options, *facts.invocation, *facts.runtime)
                          : criu::for_restore(options, *facts.invocation, *facts.runtime, dumped);
    facts.options.add(facts.additions);
}

} // namespace lpm::inspect
