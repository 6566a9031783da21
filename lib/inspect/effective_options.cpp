// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/effective_options.hpp"

#include "base/text.hpp"

namespace lpm::inspect {

// The node's options, and what the pod's annotation may change of them.
static config::Options wanted_options(Facts& facts, const config::Settings& settings) {
    using Why = IgnoredOption::Why;
    config::Options options = settings.options;
    std::string_view list = facts.bundle ? std::string_view(facts.bundle->options) : std::string_view{};
    while (!list.empty()) {
        auto value = next_part(list, ',');
        const std::string text(trim(value));
        const auto name = trim(next_part(value, '='));
        if (!settings.may_set(name))
            facts.ignored_options.push_back({Why::not_allowed, text});
        else if (!options.set(name, trim(value)))
            facts.ignored_options.push_back({Why::unknown, text});
    }
    return options;
}

void decide_additions(Facts& facts, const oci::Invocation& invocation, const config::Settings& settings) {
    const auto& runtime = facts.tools.runtime;
    if (!runtime)
        return;
    config::Options options = wanted_options(facts, settings);
    if (facts.options.on("tcp-close") || facts.options.on("tcp-established"))
        options.tcp = config::Tcp::refuse;
    if (facts.options.find("ghost-limit"))
        options.ghost_limit.clear();
    criu::Dumped dumped = facts.images.dumped;
    // An older CRIU ends at the word, and does not ask for it either.
    dumped.allow_uprobes =
        dumped.allow_uprobes && facts.tools.criu && facts.tools.criu->version >= criu::knows_uprobes;
    facts.additions = facts.subject.stage == Stage::checkpoint
                          ? criu::for_checkpoint(options, invocation, *runtime)
                          : criu::for_restore(options, invocation, *runtime, dumped);
    facts.options.add(facts.additions);
}

} // namespace lpm::inspect
