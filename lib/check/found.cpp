// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/found.hpp"

#include <utility>

#include "base/text.hpp"

namespace lpm::check {

static std::string describe(std::string_view what, const Found& found) {
    const Holder& holder = found.holder;
    std::string text(what);
    if (holder.pid != 0)
        text += " in process " + std::to_string(holder.pid) + " (" + one_line(holder.name, 32) + ")";
    if (holder.fd >= 0)
        text += ", descriptor " + std::to_string(holder.fd);
    if (!holder.thing.empty())
        text += " (" + one_line(holder.thing, 120) + ")";
    if (found.count > 1)
        text += ", and " + std::to_string(found.count - 1) + " more";
    return text;
}

Judgement not_compared() {
    return {Verdict::unknown, "what the images need cannot be compared with what is here"};
}

Judgement no_workload() {
    return {Verdict::unknown, "the processes of the container cannot be looked at"};
}

Judgement no_bundle() {
    return {Verdict::unknown, "the bundle's config.json cannot be read"};
}

Judgement no_environment() {
    return {Verdict::unknown, "the environment of the process that runs the runtime cannot be read"};
}

Judgement judge_found(const Facts& facts, Item item, std::optional<inspect::Gap> inspect::Workload::* gap,
                      std::string_view what, std::string_view why, Verdict verdict) {
    Judgement finding = judge_found(facts, item, what, why, verdict);
    if (finding.verdict != Verdict::pass)
        return finding;
    const auto& own = (*facts.container.workload).*gap;
    return own ? Judgement{Verdict::unknown, text_of(*own)} : finding;
}

Judgement judge_gap(const Facts& facts) {
    const auto& gap = facts.container.workload->gap;
    return gap ? Judgement{Verdict::unknown, text_of(*gap)} : Judgement{};
}

Judgement judge_sockets_gap(const Facts& facts) {
    const Workload& workload = *facts.container.workload;
    if (!workload.gap && workload.sockets_gap)
        return {Verdict::unknown, text_of(*workload.sockets_gap)};
    return judge_gap(facts);
}

Judgement judge_found(const Facts& facts, Item item, std::string_view what, std::string_view why,
                      Verdict verdict) {
    if (!facts.container.workload)
        return no_workload();
    const Workload& workload = *facts.container.workload;
    const Found& found = workload[item];
    if (found.count > 0)
        return {verdict, describe(what, found) + ": " + std::string(why)};
    return item >= Item::tcp_connected ? judge_sockets_gap(facts) : judge_gap(facts);
}

Judgement unless(const Facts& facts, std::string_view option, Judgement finding) {
    if (finding.verdict != Verdict::block)
        return finding;
    if (!facts.options.on(option))
        return facts.caller.environment ? finding : no_environment();
    return {Verdict::covered, finding.message + " (" + std::string(option) + " is set in " +
                                  facts.options.find(option)->source + ")"};
}

} // namespace lpm::check
