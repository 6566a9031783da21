// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "criu/probe.hpp"
#include "doctor/gather.hpp"
#include "inspect/daemon.hpp"
#include "linux/boot.hpp"
#include "linux/procfs.hpp"

namespace lpm::doctor {

static void add(CriuState& state, std::string whose, std::string_view path) {
    state.paths.push_back({std::move(whose), std::string(path), find_in_path("criu", path)});
}

CriuState gather_criu(const CrioState& crio) {
    constexpr std::string_view variable = "PATH=";
    CriuState state;
    for (const auto& handler : crio.configuration.handlers)
        for (const auto& set : handler.monitor_env)
            if (set.starts_with(variable))
                add(state, "handler " + handler.name, std::string_view(set).substr(variable.size()));
    if (const pid_t pid = inspect::find_daemon("crio"); pid != 0)
        if (const auto variables = procfs::read_proc(pid, "environ"))
            add(state, "CRI-O", procfs::find_variable(*variables, "PATH"));
    if (state.paths.empty())
        add(state, "services", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    const auto found = std::ranges::find_if(state.paths, [](const auto& path) { return !path.criu.empty(); });
    if (found == state.paths.end())
        return state;
    const auto known = criu::read_tooling(paths::probe_file, boot_id());
    const auto* facts = known.criu(file_key(found->criu));
    state.facts = facts != nullptr && facts->complete() ? *facts : criu::probe_criu(found->criu);
    if (const auto changed = change_of(found->criu))
        state.changed = *changed;
    return state;
}

} // namespace lpm::doctor
