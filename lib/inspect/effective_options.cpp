// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/effective_options.hpp"

#include "base/text.hpp"

namespace lpm::inspect {

namespace {
// Sets options one by one, as far as the node allows it.
struct Setter {
    Facts& facts;
    const config::Settings& settings;
    config::Options options = settings.options;

    // `text` is what the user reads of one that does not count.
    void set(std::string_view name, std::string_view value, const std::string& text) {
        using Why = IgnoredOption::Why;
        if (!settings.may_set(name))
            facts.ignored_options.push_back({Why::not_allowed, text});
        else if (!options.set(name, value))
            facts.ignored_options.push_back({Why::unknown, text});
    }
};
} // namespace

// The node's options, what the pod's annotation may change of them, and the request of what it finds then.
static config::Options wanted_options(Facts& facts, const config::Settings& settings) {
    Setter setter{facts, settings};
    std::string_view list = facts.bundle ? std::string_view(facts.bundle->options) : std::string_view{};
    while (!list.empty()) {
        auto value = next_part(list, ',');
        const std::string text(trim(value));
        const auto name = trim(next_part(value, '='));
        setter.set(name, trim(value), text);
    }
    for (const auto& [name, value] : facts.subject.options) {
        std::string text = name;
        text += '=';
        text += value;
        setter.set(name, value, text);
    }
    return std::move(setter.options);
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
