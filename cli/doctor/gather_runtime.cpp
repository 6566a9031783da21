// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <array>
#include <unistd.h>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "doctor/gather.hpp"
#include "runtimes.hpp"

namespace lpm::doctor {

using namespace std::chrono_literals;

std::optional<Call> call_program(const std::vector<std::string>& argv) {
    const auto output = run(argv, 10s);
    if (!output)
        return std::nullopt;
    std::string_view text = output->text;
    return Call{output->status, one_line(next_line(text))};
}

// Where the link leads to, relative to its own folder as the kernel reads it.
static std::string link_of(const std::string& path) {
    std::array<char, 4096> target{};
    const auto length = ::readlink(path.c_str(), target.data(), target.size());
    if (length <= 0)
        return {};
    const std::string to(target.data(), static_cast<std::size_t>(length));
    return to.starts_with('/') ? to : path.substr(0, path.rfind('/') + 1) + to;
}

RuntimeState gather_runtime() {
    RuntimeState state;
    state.link = link_of(paths::configured_runtime);
    state.link_there = ::access(paths::configured_runtime, F_OK) == 0;
    state.link_is_us = cli::is_lpm(paths::configured_runtime);
    state.script_calls_us = !state.link_is_us && cli::calls_lpm(paths::configured_runtime);
    state.path = oci::runtime_path();
    state.front = call_program({paths::front_program, "--version"});
    if (state.path.empty())
        return state;
    state.checkpoint_help = call_program({state.path, "checkpoint", "--help"});
    state.restore_help = call_program({state.path, "restore", "--help"});
    state.told = oci::probe_runtime(state.path);
    if (state.told && state.told->kind == oci::RuntimeKind::runc)
        state.no_criu = oci::names_library(state.path, "(runc_nocriu)");
    return state;
}

} // namespace lpm::doctor
