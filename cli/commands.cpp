// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/paths.hpp"
#include "command.hpp"

namespace lpm::cli {

static constexpr Command<Context> commands[] = {
    {"archives", "The archives of checkpoints on this node, and of which container each is", add_archives},
    {"checkpoint", "Take a checkpoint of a running container, which runs on", add_checkpoint},
    {"diff", "What differs between two checkpoints", add_diff},
    {"doctor", "Whether this node can take checkpoints, and what to do where it cannot", add_doctor},
    {"inspect", "What an archive has inside: processes, descriptors, mounts, sizes", add_inspect},
    {"node", "Put lpm into CRI-O's configuration, take it out, or switch it off", add_node},
    {"preflight", "Whether a running container could be checkpointed now; it is not touched", add_preflight},
    {"records", "The newest checkpoints and restores of this node", add_records},
    {"runtime", "Which runtime lpm-runc becomes", add_runtime},
    {"selftest", "A container of its own through a checkpoint and a restore, with this node's runtime",
     add_selftest},
    {"show", "One of them: who, when, checks, how long each phase took, why it failed", add_show},
    {"verify", "Whether an archive is whole, and whether this node would restore it", add_verify},
    {"watch", "Each as it begins and ends", add_watch},
};

Actions add_lpmctl(CLI::App& app, Context& context) {
    app.description("Checkpoints of containers on this node, as lpm-runc takes them.");
    const std::map<std::string, Format> formats{
        {"table", Format::table}, {"json", Format::json}, {"yaml", Format::yaml}};
    app.add_option("-o,--output", context.format, "For people, or for programs")
        ->transform(CLI::CheckedTransformer(formats).description(""))
        ->type_name("table|json|yaml");
    app.add_option("--store", context.store, "Where the records are")
        ->type_name("DIR")
        ->capture_default_str();
    app.add_option("--gate", context.gate, "Where lpm-gate listens")
        ->type_name("FILE")
        ->capture_default_str();
    app.set_version_flag("--version", std::string("lpmctl ") + paths::version, "Its version");
    return add_commands(app, commands, context);
}

} // namespace lpm::cli
