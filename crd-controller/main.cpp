// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <string>

#include "app.hpp"
#include "base/file.hpp"
#include "config/document.hpp"
#include "node/log.hpp"

using namespace lpm;

static constexpr const char* usual_config = "/etc/lpm/controller.toml";

static Result<config::Controller> read_settings(const std::string& file, bool named) {
    auto text = read_file(AT_FDCWD, file, std::size_t{1} << 20);
    if (!text && text.error().code == Errc::absent && !named)
        return config::Controller{};
    if (!text)
        return std::unexpected(std::move(text).error());
    return config::parse_controller(*text, file);
}

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
    auto settings = read_settings(file, named->count() > 0);
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
