// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <map>

#include "base/paths.hpp"
#include "kubectl/command.hpp"

namespace lpm::cli::kubectl {

static constexpr Command<Context> commands[] = {
    {"checkpoint", "Take a checkpoint of a running container", add_checkpoint},
    {"preflight", "Whether a checkpoint would be taken now; the container is not touched", add_preflight},
    {"list", "Checkpoints that were asked for, and what became of them", add_list},
    {"describe", "One of them: what was asked, checks, how long each phase took, where the archive is",
     add_describe},
    {"logs", "Lines of a failure's log", add_logs},
};

Actions add_kubectl_lpm(CLI::App& app, Context& context) {
    app.description("Checkpoints of containers in a cluster that has lpm (ContainerCheckpoint).");
    const std::map<std::string, Output> formats{{"wide", {.wide = true}},
                                                {"name", {.name = true}},
                                                {"json", {.format = Format::json}},
                                                {"yaml", {.format = Format::yaml}}};
    take_one_of(app.add_option_function<std::string>(
                    "-o,--output",
                    [formats, &context](const std::string& text) { context.output = formats.at(text); },
                    "For programs, or with more columns"),
                {"json", "yaml", "wide", "name"});
    app.add_option("-n,--namespace", context.name_space, "Instead of the context's")->type_name("NAMESPACE");
    app.add_option("--context", context.context, "Of the kubeconfig, instead of its current one")
        ->type_name("NAME");
    app.add_option("--kubeconfig", context.kubeconfig, "Instead of $KUBECONFIG, or ~/.kube/config")
        ->type_name("FILE");
    app.set_version_flag("--version", std::string("kubectl-lpm ") + paths::version, "Its version");
    return add_commands(app, commands, context);
}

} // namespace lpm::cli::kubectl
