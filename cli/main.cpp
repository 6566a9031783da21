// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <map>
#include <string>

#include "base/paths.hpp"
#include "command.hpp"
#include "node/gate_client.hpp"

using namespace lpm;

static const cli::Program program{.name = "lpmctl", .trouble = cli::trouble};

static constexpr cli::Command<cli::Context> commands[] = {
    {"archives", "The archives of checkpoints on this node, and of which container each is",
     cli::add_archives},
    {"doctor", "Whether this node can take checkpoints, and what to do where it cannot", cli::add_doctor},
    {"inspect", "What an archive has inside: processes, descriptors, mounts, sizes", cli::add_inspect},
    {"node", "Put lpm into CRI-O's configuration, take it out, or switch it off", cli::add_node},
    {"preflight", "Whether a running container could be checkpointed now; it is not touched",
     cli::add_preflight},
    {"records", "The newest checkpoints and restores of this node", cli::add_records},
    {"runtime", "Which runtime lpm-runc becomes", cli::add_runtime},
    {"selftest", "A container of its own through a checkpoint and a restore, with this node's runtime",
     cli::add_selftest},
    {"show", "One of them: who, when, checks, how long each phase took, why it failed", cli::add_show},
    {"verify", "Whether an archive is whole, and whether this node would restore it", cli::add_verify},
    {"watch", "Each as it begins and ends", cli::add_watch},
};

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
    return cli::run_program(program, app, commands, context, argc, argv);
}

int main(int argc, char** argv) {
    return cli::run_safely(program, [&] { return run_main(argc, argv); });
}
