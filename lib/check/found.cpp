// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/found.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace lpm::check {

static std::string describe(std::string_view what, const Found& found) {
    const Holder& holder = found.holder;
    std::string text(what);
    text += " in process " + std::to_string(holder.pid) + " (" + one_line(holder.name, 32) + ")";
    if (holder.fd >= 0)
        text += ", descriptor " + std::to_string(holder.fd);
    if (!holder.thing.empty())
        text += " (" + one_line(holder.thing, 120) + ")";
    if (found.count > 1)
        text += ", and " + std::to_string(found.count - 1) + " more";
    return text;
}

std::string some_of(const std::vector<std::string>& names, std::size_t limit) {
    constexpr std::size_t most = 5;
    std::string list;
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i)
        list += (i == 0 ? "" : ", ") + one_line(names[i], limit);
    if (names.size() > most)
        list += " and " + std::to_string(names.size() - most) + " more";
    return list;
}

Judgement not_compared() {
    return {Verdict::unknown, "what the images need cannot be compared with what is here"};
}

Judgement judge_list(const Facts& facts, List list, std::string_view what, Verdict verdict) {
    if (!facts.target || !((*facts.target).*list))
        return not_compared();
    const std::vector<std::string>& names = *((*facts.target).*list);
    if (names.empty())
        return {};
    constexpr std::size_t longest = 240; // a place and a path; who made the list has cut each
    return {verdict, std::string(what) + ": " + some_of(names, longest)};
}

Judgement no_workload() {
    return {Verdict::unknown, "the processes of the container cannot be looked at"};
}

Judgement no_bundle() {
    return {Verdict::unknown, "the bundle's config.json cannot be read"};
}

Judgement judge_found(const Facts& facts, Item item, std::string_view what, std::string_view why,
                      Verdict verdict) {
    if (!facts.workload)
        return no_workload();
    const Workload& workload = *facts.workload;
    const Found& found = workload[item];
    if (found.count > 0)
        return {verdict, describe(what, found) + ": " + std::string(why)};
    if (!workload.incomplete.empty())
        return {Verdict::unknown, workload.incomplete};
    if (item >= Item::tcp_connected && !workload.sockets_incomplete.empty())
        return {Verdict::unknown, workload.sockets_incomplete};
    return {};
}

Judgement unless(const Facts& facts, std::string_view option, Judgement finding) {
    if (finding.verdict != Verdict::block || !facts.options.on(option))
        return finding;
    return {Verdict::covered, finding.message + " (" + std::string(option) + " is set in " +
                                  facts.options.find(option)->source + ")"};
}

} // namespace lpm::check
