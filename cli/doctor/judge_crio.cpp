// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What the files say with which a CRI-O would start now.
#include <algorithm>

#include "base/format.hpp"
#include "base/paths.hpp"
#include "doctor/judges.hpp"

namespace lpm::doctor {

static constexpr std::string_view folder = "/etc/crio/crio.conf.d";

static bool is_there(const CrioState& crio) {
    return crio.runs || !crio.configuration.files.empty() || !crio.configuration.problems.empty();
}

static Finding no_crio() {
    return {State::unknown, "CRI-O does not run, and has no files in /etc/crio", "install and start CRI-O"};
}

Finding judge_crio_configuration(const Facts& facts) {
    const auto& crio = facts.crio;
    if (!is_there(crio))
        return no_crio();
    if (!crio.configuration.problems.empty())
        return {State::fail, "CRI-O would not start again: " + list_of(crio.configuration.problems),
                "mend that file, or move it out of /etc/crio (CRI-O reads every file of crio.conf.d, "
                "whatever its "
                "name); then: crio config --default is an example"};
    if (!crio.other_files.empty())
        return {State::unknown,
                "CRI-O runs with " + crio.other_files +
                    ", which is no absolute path: what is told here is of /etc/crio",
                "give CRI-O an absolute path, or look at that file by hand"};
    return {State::ok, "read: " + list_of(crio.configuration.files)};
}

static std::string set_path() {
    return lpm::format("in a file of {} that comes last, repeat all keys of the handler, with runtime_path = "
                       "\"/etc/lpm/bin/runc\"; then: {}",
                       folder, restart);
}

Finding judge_crio_handlers(const Facts& facts) {
    if (!is_there(facts.crio))
        return no_crio();
    std::vector<std::string> through;
    std::vector<std::string> others;
    bool default_is_ours = false;
    for (const auto& handler : facts.crio.handlers) {
        const std::string path = handler.path.empty() ? "CRI-O's built-in runtime" : handler.path;
        if (handler.through_lpm)
            through.push_back(handler.name);
        else if (!handler.is_machine)
            others.push_back(
                lpm::format("{}{} ({})", handler.name, handler.is_default ? ", the default one" : "", path));
        default_is_ours = default_is_ours || (handler.is_default && handler.through_lpm);
    }
    if (default_is_ours && others.empty())
        return {State::ok, "through lpm: " + list_of(through)};
    const std::string found =
        "not through lpm: " + list_of(others) + (through.empty() ? "" : "; through lpm: " + list_of(through));
    return {through.empty() ? State::fail : State::warn, found, set_path()};
}

Finding judge_crio_handler_keys(const Facts& facts) {
    if (!is_there(facts.crio))
        return no_crio();
    std::vector<std::string> lost;
    lost.reserve(facts.crio.configuration.lost.size());
    for (const auto& [handler, file, keys] : facts.crio.configuration.lost)
        lost.push_back(lpm::format("{} takes {} of handler {} away", file, list_of(keys), handler));
    if (lost.empty())
        return {State::ok,
                "every handler keeps runtime_root, monitor_env and allowed_annotations that files set"};
    return {State::fail, list_of(lost) + ": a table of a later file replaces that of an earlier one whole",
            lpm::format("repeat these keys in that file; then: {}", restart)};
}

Finding judge_crio_monitor_path(const Facts& facts) {
    if (!is_there(facts.crio))
        return no_crio();
    std::vector<std::string> without;
    for (const auto& handler : facts.crio.handlers)
        if (!handler.path.empty() && !handler.is_machine && !handler.sets_path)
            without.push_back(handler.name);
    if (without.empty())
        return {State::ok, "monitor_env of every handler has a PATH"};
    return {State::warn,
            "monitor_env has no PATH in handler " + list_of(without) +
                ": CRI-O before 1.32 then starts the runtime without one, and criu is not found",
            lpm::format(
                "monitor_env = [\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"] in "
                "that handler; then: {}",
                restart)};
}

Finding judge_crio_criu_support(const Facts& facts) {
    if (!is_there(facts.crio))
        return no_crio();
    if (!facts.crio.configuration.criu_support)
        return {State::fail, "enable_criu_support is false: CRI-O takes no checkpoints",
                lpm::format(
                    "enable_criu_support = true below [crio.runtime] in a file of {} that comes last; then: "
                    "{}",
                    folder, restart)};
    return {State::ok, "enable_criu_support is true"};
}

} // namespace lpm::doctor
