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

static void add(std::vector<SearchPath>& paths, std::string whose, std::string_view path) {
    paths.push_back({std::move(whose), std::string(path), find_in_path("criu", path)});
}

std::vector<SearchPath> search_paths(const crio::Configuration& configuration) {
    constexpr std::string_view variable = "PATH=";
    std::vector<SearchPath> paths;
    for (const auto& handler : configuration.handlers)
        for (const auto& set : handler.monitor_env)
            if (set.starts_with(variable))
                add(paths, "handler " + handler.name, std::string_view(set).substr(variable.size()));
    std::ranges::stable_partition(paths, [&](const SearchPath& path) {
        return path.whose == "handler " + configuration.default_runtime;
    });
    if (const pid_t pid = inspect::find_daemon("crio"); pid != 0)
        if (const auto variables = procfs::read_proc(pid, "environ"))
            add(paths, "CRI-O", procfs::find_variable(*variables, "PATH"));
    if (paths.empty())
        add(paths, "services", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    return paths;
}

CriuState gather_criu(const CrioState& crio) {
    CriuState state;
    state.paths = search_paths(crio.configuration);
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
