// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "program.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>

#include "base/text.hpp"
#include "complete.hpp"

namespace lpm::cli {

static int end_with(const Program& program, std::string_view text) {
    std::fprintf(stderr, "%s: %s\n", program.name.c_str(), one_line(text, 8000).c_str());
    return program.trouble;
}

void take_one_of(CLI::Option* option, const std::vector<std::string>& words) {
    std::string names;
    for (const auto& word : words)
        names += (names.empty() ? "" : "|") + word;
    option->check(CLI::IsMember(words).description(""))->type_name(names);
}

int run_program(const Program& program, CLI::App& app, const Actions& actions, int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "__complete") {
        std::fputs(text_of(complete(app, {argv + 2, argv + argc}, program.suggest)).c_str(), stdout);
        return 0;
    }
    const auto is_command = [&](std::string_view name) {
        return std::ranges::any_of(actions, [&](const auto& one) { return one.first->get_name() == name; });
    };
    if (argc > 1 && argv[1][0] != '-' && !is_command(argv[1]))
        return end_with(program,
                        one_line(argv[1]) + " is no command: " + program.name + " --help lists them");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) // --help, --version
            return app.exit(error);
        const auto chosen = app.get_subcommands();
        const std::string of = chosen.empty() ? "" : " " + chosen.front()->get_name();
        return end_with(program, std::string(error.what()) + ": " + program.name + of + " --help");
    }
    const auto done = actions.at(app.get_subcommands().front())();
    return done ? *done : end_with(program, done.error().text);
}

int run_safely(const Program& program, const std::function<int()>& run) {
    try {
        return run();
    } catch (const std::exception& error) { // of a library
        return end_with(program, error.what());
    }
}

} // namespace lpm::cli
