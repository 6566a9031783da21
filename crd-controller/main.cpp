// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "app.hpp"
#include "config/document.hpp"
#include "config/program_file.hpp"
#include "node/log.hpp"

using namespace lpm;

static constexpr const char* usual_config = "/etc/lpm/controller.toml";

static int end_with(const Error& error) {
    std::fprintf(stderr, "lpm-controller: %s\n", error.text.c_str());
    return 1;
}

static int run_main(int argc, char** argv) {
    CLI::App cli("Drives checkpoints of containers by ContainerCheckpoint objects (lpm.my.domain/v1).");
    std::string file = usual_config;
    std::string kubeconfig;
    bool example = false;
    const auto* named = cli.add_option("--config", file, "Settings")->capture_default_str();
    cli.add_option("--kubeconfig", kubeconfig, "Instead of $KUBECONFIG, or of a pod's own identity");
    cli.add_flag("--print-config", example,
                 "Print the settings that there are, with their defaults, and end");
    cli.set_version_flag("--version", std::string("lpm-controller " LPM_VERSION));
    CLI11_PARSE(cli, argc, argv);
    if (example) {
        std::fputs(config::controller_example().c_str(), stdout);
        return 0;
    }
    auto settings = config::read_program_file(file, named->count() > 0, config::parse_controller);
    if (!settings)
        return end_with(settings.error());
    if (!kubeconfig.empty())
        settings->kubeconfig = kubeconfig;
    const auto level = node::level_of(settings->log_level);
    if (!level)
        return end_with(level.error());
    node::start_log(*level, settings->log_json);
    const auto status = controller::run(*settings);
    return status ? *status : end_with(status.error());
}

int main(int argc, char** argv) {
    try {
        return run_main(argc, argv);
    } catch (const std::exception& error) { // of a library
        return end_with({Errc::io, 0, error.what()});
    }
}
