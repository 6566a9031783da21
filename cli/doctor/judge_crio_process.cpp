// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What runs is not what files say: CRI-O takes a changed runtime_path, and a criu that came later, only at a
// restart. A reload (SIGHUP) changes what `crio status config` says, and nothing else.

#include "base/format.hpp"
#include "base/text.hpp"
#include "doctor/judges.hpp"

namespace lpm::doctor {

static std::string time_text(Time time) {
    return lpm::format("{:%FT%TZ}", std::chrono::floor<std::chrono::seconds>(time));
}

// A handler of which the running CRI-O says another path than the files; empty: there is none.
static std::string other_path(const CrioState& crio) {
    for (const auto& handler : crio.handlers) {
        const auto told = crio.answer.handlers.find(handler.name);
        if (told != crio.answer.handlers.end() && !told->second.empty() && !handler.path.empty() &&
            told->second != handler.path)
            return lpm::format("files say {} for handler {}, and CRI-O has {}", handler.path, handler.name,
                               one_line(told->second));
    }
    return {};
}

Finding judge_crio_restart(const Facts& facts) {
    const auto& crio = facts.crio;
    if (!crio.runs || !crio.started)
        return {State::unknown, crio.runs ? "when CRI-O was started is not known" : "CRI-O does not run",
                "systemctl status crio"};
    if (const auto other = other_path(crio); !other.empty())
        return {State::fail, other + ": it has not read them", std::string(restart)};
    const std::string since = "CRI-O runs since " + time_text(*crio.started);
    if (!crio.newest_file.empty() && crio.newest > *crio.started)
        return {State::warn,
                lpm::format("{}, and {} was changed at {}: a reload is not enough", since, crio.newest_file,
                            time_text(crio.newest)),
                std::string(restart)};
    // Only whether one was there at its start matters to CRI-O.
    if (facts.criu.changed && *facts.criu.changed > *crio.started && crio.answer.checkpoint != "enabled")
        return {State::warn,
                lpm::format("{}, and criu came at {}: CRI-O looks for it at its start only", since,
                            time_text(*facts.criu.changed)),
                std::string(restart)};
    return {State::ok, since + ", and its files are older"};
}

Finding judge_crio_answer(const Facts& facts) {
    const auto& answer = facts.crio.answer;
    if (!answer.not_asked.empty())
        return {State::unknown, "not asked: " + one_line(answer.not_asked), "lpm-sidecar --ask-cri"};
    const std::string who = answer.version.empty() ? "the runtime" : one_line(answer.version, 100);
    if (answer.checkpoint == "enabled")
        return {State::ok, who + " takes checkpoints"};
    if (answer.checkpoint == "disabled")
        return {State::fail,
                who +
                    " takes no checkpoints: enable_criu_support was false, or criu was not on its PATH, when "
                    "it was started",
                "see the lines Criu and CrioCriuSupport; then: " + std::string(restart)};
    if (answer.checkpoint == "not-implemented")
        return {State::fail, who + " has no checkpoints",
                "CRI-O 1.25 or newer as the node's container runtime"};
    return {State::unknown, "not told: " + one_line(answer.unknown), "lpm-sidecar --ask-cri"};
}

Finding judge_crio_containers(const Facts& facts) {
    const auto& crio = facts.crio;
    const auto& foreign = crio.foreign_containers;
    if (foreign.empty())
        return {State::ok, lpm::format("{} containers run, all through lpm", crio.containers)};
    std::vector<std::string> ids;
    ids.reserve(foreign.size());
    for (const auto& id : foreign)
        ids.push_back(one_line(id.substr(0, 12)));
    return {State::warn,
            lpm::format("{} of {} containers that run were made without lpm: {}", foreign.size(),
                        crio.containers, list_of(ids)),
            lpm::format("if the files name lpm by now: {}, and make their pods anew", restart)};
}

} // namespace lpm::doctor
