// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include "base/paths.hpp"
#include "base/text.hpp"
#include "command.hpp"
#include "node/gate_client.hpp"

using namespace lpm;

namespace {

struct Command {
    std::string_view name;
    const char* what;
    cli::Action (*add)(CLI::App& app, const cli::Context& context);
};

constexpr Command commands[] = {
    {"archives", "The archives of checkpoints on this node, and of which container each is",
     cli::add_archives},
    {"inspect", "What an archive has inside: processes, descriptors, mounts, sizes", cli::add_inspect},
    {"preflight", "Whether a running container could be checkpointed now; it is not touched",
     cli::add_preflight},
    {"records", "The newest checkpoints and restores of this node", cli::add_records},
    {"show", "One of them: who, when, checks, how long each phase took, why it failed", cli::add_show},
    {"verify", "Whether an archive is whole, and whether this node would restore it", cli::add_verify},
    {"watch", "Each as it begins and ends", cli::add_watch},
};

} // namespace

static bool is_command(std::string_view name) {
    return std::ranges::any_of(commands, [&](const Command& command) { return command.name == name; });
}

static int end_with(const Error& error) {
    std::fprintf(stderr, "lpmctl: %s\n", error.text.c_str());
    return cli::trouble;
}

static int run_main(int argc, char** argv) {
    CLI::App app("Checkpoints of containers on this node, as lpm-runc takes them.");
    cli::Context context{.store = paths::state_dir, .gate = node::gate_socket};
    const std::map<std::string, cli::Format> formats{
        {"table", cli::Format::table}, {"json", cli::Format::json}, {"yaml", cli::Format::yaml}};
    app.add_option("-o,--output", context.format, "table, json or yaml")
        ->transform(CLI::CheckedTransformer(formats).description(""));
    app.add_option("--store", context.store, "Where the records are")->capture_default_str();
    app.add_option("--gate", context.gate, "Where lpm-gate listens")->capture_default_str();
    app.set_version_flag("--version", std::string("lpmctl ") + paths::version);
    app.require_subcommand(1);
    app.fallthrough();
    if (argc > 1 && argv[1][0] != '-' && !is_command(argv[1]))
        return end_with({Errc::invalid, 0, one_line(argv[1]) + " is no command: lpmctl --help lists them"});
    std::map<const CLI::App*, cli::Action> actions;
    for (const auto& [name, what, add] : commands) {
        CLI::App& sub = *app.add_subcommand(std::string(name), what);
        actions.emplace(&sub, add(sub, context));
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) // --help, --version
            return app.exit(error);
        const auto chosen = app.get_subcommands();
        const std::string of = chosen.empty() ? "" : " " + chosen.front()->get_name();
        return end_with({Errc::invalid, 0, std::string(error.what()) + ": lpmctl" + of + " --help"});
    }
    const auto done = actions.at(app.get_subcommands().front())();
    return done ? *done : end_with(done.error());
}

int main(int argc, char** argv) {
    try {
        return run_main(argc, argv);
    } catch (const std::exception& error) { // of a library
        return end_with({Errc::io, 0, error.what()});
    }
}
