// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <functional>
#include <map>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

// The only place that sees CLI11's header.
#include <CLI/CLI.hpp>

#include "base/result.hpp"

// What programs with commands have in common.
namespace lpm::cli {

// What a command does, once its options are known: the exit status.
using Action = std::function<Result<int>()>;
using Actions = std::map<const CLI::App*, Action>;

// A word that a shell offers, and what it means.
struct Suggestion {
    std::string word;
    std::string help;
};
// What stands before it: "--namespace" and "POD" with their values.
using Typed = std::map<std::string, std::string>;
// What an argument may be that is shown as `kind` in --help: "ID", "POD".
using Suggest = std::vector<Suggestion> (*)(std::string_view kind, const Typed& typed);

// `add` adds the command's options to `app`; the context lives as long as that.
template <class Context> struct Command {
    std::string_view name;
    const char* what;
    Action (*add)(CLI::App& app, const Context& context);
};

// Options of `app` may stand behind the command, too.
template <std::ranges::range Commands, class Context>
[[nodiscard]] Actions add_commands(CLI::App& app, const Commands& commands, const Context& context) {
    Actions actions;
    app.require_subcommand(1);
    app.fallthrough();
    for (const auto& [name, what, add] : commands) {
        CLI::App& sub = *app.add_subcommand(std::string(name), what);
        actions.emplace(&sub, add(sub, context));
    }
    return actions;
}

// The option takes one of these words; --help, the manual and completions say which.
void take_one_of(CLI::Option* option, const std::vector<std::string>& words);

struct Program {
    std::string name; // as it is typed, "lpmctl"
    int trouble;      // exit status after an error
    Suggest suggest = nullptr;
};

// Reads the command line and does what it says; what went wrong stands on standard error. A first argument
// `__complete` asks what may follow the others instead (complete.hpp).
[[nodiscard]] int run_program(const Program& program, CLI::App& app, const Actions& actions, int argc,
                              char** argv);
// What `run` returns, also when a library throws.
[[nodiscard]] int run_safely(const Program& program, const std::function<int()>& run);

} // namespace lpm::cli
