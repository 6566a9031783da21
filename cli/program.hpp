// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <functional>
#include <map>
#include <ranges>
#include <string>
#include <string_view>

// The only place that sees CLI11's header.
#include <CLI/CLI.hpp>

#include "base/result.hpp"

// What programs with commands have in common.
namespace lpm::cli {

// What a command does, once its options are known: the exit status.
using Action = std::function<Result<int>()>;
using Actions = std::map<const CLI::App*, Action>;

// `add` adds the command's options to `app`; the context lives as long as that.
template <class Context> struct Command {
    std::string_view name;
    const char* what;
    Action (*add)(CLI::App& app, const Context& context);
};

template <std::ranges::range Commands, class Context>
[[nodiscard]] Actions add_commands(CLI::App& app, const Commands& commands, const Context& context) {
    Actions actions;
    for (const auto& [name, what, add] : commands) {
        CLI::App& sub = *app.add_subcommand(std::string(name), what);
        actions.emplace(&sub, add(sub, context));
    }
    return actions;
}

struct Program {
    std::string name; // as it is typed, "lpmctl"
    int trouble;      // exit status after an error
};

// Reads the command line, whose options of `app` may stand behind the command, too, and does what it says;
// what went wrong stands on standard error.
[[nodiscard]] int run_actions(const Program& program, CLI::App& app, const Actions& actions, int argc,
                              char** argv);
template <std::ranges::range Commands, class Context>
[[nodiscard]] int run_program(const Program& program, CLI::App& app, const Commands& commands,
                              const Context& context, int argc, char** argv) {
    app.require_subcommand(1);
    app.fallthrough();
    return run_actions(program, app, add_commands(app, commands, context), argc, argv);
}
// What `run` returns, also when a library throws.
[[nodiscard]] int run_safely(const Program& program, const std::function<int()>& run);

} // namespace lpm::cli
