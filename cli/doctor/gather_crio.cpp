// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <csignal>
#include <unistd.h>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "doctor/gather.hpp"
#include "doctor/parse.hpp"
#include "inspect/crio_files.hpp"
#include "inspect/daemon.hpp"
#include "linux/boot.hpp"
#include "linux/procfs.hpp"
#include "runtimes.hpp"

namespace lpm::doctor {

using namespace std::chrono_literals;
using cli::is_lpm;

// By the clock of now: a start is told in ticks since the boot.
static std::optional<Time> start_of(pid_t pid) {
    const auto stat = procfs::read_stat(pid);
    if (!stat)
        return std::nullopt;
    const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    const std::uint64_t started = stat->start * 1000 / ticks;
    const auto age = std::chrono::milliseconds(boot_time_ns() / 1'000'000 - started);
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()) - age;
}

static crio::Files add_process(CrioState& state) {
    inspect::CrioFiles found = inspect::find_crio_files();
    state.runs = found.pid != 0;
    state.other_files = found.unknown;
    if (state.runs)
        state.started = start_of(found.pid);
    return found.files;
}

static void add_change(CrioState& state, const std::string& path) {
    const auto changed = change_of(path);
    if (changed && (state.newest_file.empty() || *changed > state.newest)) {
        state.newest = *changed;
        state.newest_file = path;
    }
}

static bool sets_path(const config::CrioHandler& handler) {
    return std::ranges::any_of(handler.monitor_env,
                               [](const std::string& variable) { return variable.starts_with("PATH="); });
}

static void add_handlers(CrioState& state) {
    const auto& configuration = state.configuration;
    const auto* default_one = configuration.handler(configuration.default_runtime);
    for (const auto& set : configuration.handlers) {
        const auto& what = set.inherit_default_runtime && default_one != nullptr ? *default_one : set;
        Handler handler;
        handler.name = set.name;
        handler.path = what.runtime_path;
        handler.through_lpm = !what.runtime_path.empty() && is_lpm(what.runtime_path);
        handler.is_default = &set == default_one;
        handler.is_machine = what.runtime_type == "vm";
        handler.sets_path = sets_path(what);
        state.handlers.push_back(std::move(handler));
    }
    if (default_one == nullptr) {
        Handler built_in;
        built_in.name =
            configuration.default_runtime.empty() ? "of CRI-O itself" : configuration.default_runtime;
        built_in.is_default = true;
        state.handlers.push_back(std::move(built_in));
    }
}

static CriAnswer ask_cri() {
    const std::string front = paths::front_program;
    const std::string asker = front.substr(0, front.rfind('/') + 1) + "lpm-sidecar";
    if (::access(asker.c_str(), X_OK) != 0)
        return {.not_asked = asker + " is not installed"};
    const auto output = run({asker, "--ask-cri", "--timeout", "3"}, 15s, std::size_t{1} << 20);
    if (!output)
        return {.not_asked = output.error().text};
    // A message on standard error comes behind the object, or before it.
    const std::string_view text = output->text;
    const auto begins = text.find('{');
    const auto ends = text.rfind('}');
    if (begins == std::string_view::npos || ends == std::string_view::npos || ends < begins)
        return {.not_asked = asker + " --ask-cri: " + one_line(text)};
    auto answer = parse_cri_answer(text.substr(begins, ends - begins + 1));
    return answer ? *std::move(answer) : CriAnswer{.not_asked = answer.error().text};
}

static void add_containers(CrioState& state) {
    for (const pid_t pid : inspect::find_daemons("conmon")) {
        const auto cmdline = procfs::read_proc(pid, "cmdline");
        const Conmon conmon = cmdline ? parse_conmon(*cmdline) : Conmon{};
        if (conmon.runtime.empty() || conmon.of_podman)
            continue;
        ++state.containers;
        if (!is_lpm(conmon.runtime))
            state.foreign_containers.push_back(conmon.id);
    }
}

CrioState gather_crio() {
    CrioState state;
    const crio::Files files = add_process(state);
    state.configuration = crio::read_configuration(files);
    for (const auto& file : state.configuration.files)
        add_change(state, file);
    if (!state.configuration.files.empty())
        add_change(state, files.folder); // a file that was removed
    add_handlers(state);
    state.answer = state.runs ? ask_cri() : CriAnswer{.not_asked = "CRI-O does not run"};
    add_containers(state);
    return state;
}

} // namespace lpm::doctor
