// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <map>
#include <string>

#include "base/paths.hpp"
#include "kubectl/command.hpp"

using namespace lpm;

// kubectl runs it for `kubectl lpm`.
static const cli::Program program{.name = "kubectl lpm", .trouble = cli::kubectl::no};

static constexpr cli::Command<cli::kubectl::Context> commands[] = {
    {"checkpoint", "Take a checkpoint of a running container", cli::kubectl::add_checkpoint},
    {"preflight", "Whether a checkpoint would be taken now; the container is not touched",
     cli::kubectl::add_preflight},
    {"list", "Checkpoints that were asked for, and what became of them", cli::kubectl::add_list},
    {"describe", "One of them: what was asked, checks, how long each phase took, where the archive is",
     cli::kubectl::add_describe},
    {"logs", "Lines of a failure's log", cli::kubectl::add_logs},
};

static int run_main(int argc, char** argv) {
    CLI::App app("Checkpoints of containers in a cluster that has lpm (ContainerCheckpoint).", "kubectl lpm");
    cli::kubectl::Context context;
    const std::map<std::string, cli::kubectl::Output> formats{{"wide", {.wide = true}},
                                                              {"name", {.name = true}},
                                                              {"json", {.format = cli::Format::json}},
                                                              {"yaml", {.format = cli::Format::yaml}}};
    app.add_option_function<std::string>(
           "-o,--output", [&](const std::string& text) { context.output = formats.at(text); },
           "json, yaml, wide or name")
        ->check(CLI::IsMember({"json", "yaml", "wide", "name"}).description(""));
    app.add_option("-n,--namespace", context.name_space, "Instead of the context's");
    app.add_option("--context", context.context, "Of the kubeconfig, instead of its current one");
    app.add_option("--kubeconfig", context.kubeconfig, "Instead of $KUBECONFIG, or ~/.kube/config");
    app.set_version_flag("--version", std::string("kubectl-lpm ") + paths::version);
    return cli::run_program(program, app, commands, context, argc, argv);
}

int main(int argc, char** argv) {
    return cli::run_safely(program, [&] { return run_main(argc, argv); });
}
