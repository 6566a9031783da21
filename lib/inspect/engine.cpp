// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/engine.hpp"

#include <algorithm>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "inspect/daemon.hpp"
#include "linux/procfs.hpp"
#include "oci/argv.hpp"
#include "oci/bundle.hpp"

namespace lpm::inspect {

static constexpr std::size_t max_containers = 10'000; // of one runtime
static constexpr std::size_t max_cmdline = 65536;     // bytes

std::string text_of(const Target& target) {
    if (target.name.empty())
        return "container " + one_line(target.id, 128);
    return "container " + one_line(target.name, 253) + " of pod " + one_line(target.name_space, 253) + "/" +
           one_line(target.pod, 253);
}

static bool has_names(const oci::Bundle& bundle, const Target& target) {
    const auto is = [&](std::string_view key, const std::string& wanted) {
        return wanted.empty() || std::ranges::any_of(bundle.names, [&](const auto& name) {
                   return name.first == key && name.second == wanted;
               });
    };
    return is("namespace", target.name_space) && is("pod", target.pod) && is("pod_uid", target.pod_uid) &&
           is("name", target.name);
}

static std::optional<Located> look(const std::string& root, const std::string& id, const Target& target) {
    auto state = oci::read_state(root, id);
    if (!state)
        return std::nullopt;
    // config.json of a sandbox has the names of its pod, and none of a container.
    if (!(target.name_space + target.pod + target.pod_uid + target.name).empty()) {
        const auto bundle = oci::read_bundle(state->bundle);
        if (!bundle || !has_names(*bundle, target))
            return std::nullopt;
    }
    return Located{root, id, *std::move(state)};
}

Result<Located> locate(const Target& target, const std::vector<std::string>& roots,
                       const Deadline& deadline) {
    std::optional<Located> found;
    bool late = false;
    bool dead = false;
    const auto visit = [&](const std::string& root, const std::string& id) {
        auto one = look(root, id, target);
        if (one && oci::alive(one->state))
            found = std::move(one);
        else if (one)
            dead = true;
        late = !found && deadline.passed();
        return !found && !late;
    };
    for (const auto& root : roots) {
        std::size_t seen = 0;
        if (!target.id.empty())
            (void)visit(root, target.id);
        else
            each_entry(root, [&](int, const dirent& entry) {
                if (!oci::valid_id(entry.d_name))
                    return true;
                return visit(root, entry.d_name) && ++seen < max_containers;
            });
        if (found)
            return *std::move(found);
        if (late)
            return fail(Errc::unavailable,
                        text_of(target) + ": the states of all containers could not be read in time");
    }
    return fail(Errc::absent, text_of(target) + (dead ? " does not run" : " is not on this node"));
}

std::optional<Monitor> parse_monitor(std::string_view cmdline) {
    const std::string_view program = next_part(cmdline, '\0');
    if (!program.ends_with("conmon"))
        return std::nullopt;
    Monitor monitor;
    while (!cmdline.empty()) {
        const std::string_view word = next_part(cmdline, '\0');
        if (word == "-r" || word == "--runtime")
            monitor.runtime = next_part(cmdline, '\0');
        else if (word == "--persist-dir")
            monitor.persist_dir = next_part(cmdline, '\0');
    }
    return monitor;
}

static Caller unknown_caller() {
    Caller caller = Caller::self();
    caller.environment.reset();
    return caller;
}

Caller find_crio() {
    const pid_t crio = find_daemon("crio");
    return crio == 0 ? unknown_caller() : Caller::of_process(crio);
}

Engine find_engine(const oci::State& state) {
    Engine engine{.caller = unknown_caller(), .monitor = std::nullopt};
    const auto init = procfs::read_stat(state.init);
    const std::string folder = init ? "/proc/" + std::to_string(init->parent) : std::string();
    const auto cmdline =
        init ? read_file(AT_FDCWD, folder + "/cmdline", max_cmdline) : fail(Errc::absent, "");
    if (cmdline)
        engine.monitor = parse_monitor(*cmdline);
    if (!engine.monitor)
        return engine;
    const auto variables = procfs::read_proc(init->parent, "environ");
    if (variables && !procfs::find_variable(*variables, "CRI_O_EXTERNAL").empty())
        engine.caller = Caller::of_process(init->parent);
    else
        engine.caller = find_crio();
    return engine;
}

} // namespace lpm::inspect
