// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "app.hpp"
#include "base/paths.hpp"
#include "config/document.hpp"
#include "config/program_file.hpp"
#include "node/gate_client.hpp"
#include "node/log.hpp"

using namespace lpm;

static constexpr const char* usual_config = "/etc/lpm/sidecar.toml";

static int end_with(const Error& error) {
    std::fprintf(stderr, "lpm-sidecar: %s\n", error.text.c_str());
    return 1;
}

// Becomes lpm-enroll, which has what is needed for that and not for the daemon.
static int run_enroll(std::vector<std::string> options) {
    options.insert(options.begin(), LPM_ENROLL);
    std::vector<char*> argv;
    argv.reserve(options.size() + 1);
    for (std::string& option : options)
        argv.push_back(option.data());
    argv.push_back(nullptr);
    ::execv(LPM_ENROLL, argv.data());
    return end_with(fail_errno(errno, LPM_ENROLL).error());
}

static int run_main(int argc, char** argv) {
    CLI::App cli(
        "Serves the checkpoint records of this node, and judges its containers, over gRPC (lpm.node.v1).");
    sidecar::Settings settings{.socket = std::string(paths::run_dir) + "/sidecar.sock",
                               .places = {paths::state_dir, paths::probe_file, node::gate_socket},
                               .file = {}};
    std::string file = usual_config;
    bool example = false;
    const auto* named = cli.add_option("--config", file, "Settings")->capture_default_str();
    cli.add_option("--socket", settings.socket, "For clients on this node; systemd may hand it over")
        ->capture_default_str();
    cli.add_option("--store", settings.places.store, "Where the records are")->capture_default_str();
    cli.add_option("--gate", settings.places.gate_socket, "Where lpm-gate is asked")->capture_default_str();
    const auto* enroll = cli.add_flag(
        "--enroll", "Get this node a certificate from its cluster, and end: as root; --enroll --help");
    cli.add_flag("--print-config", example,
                 "Print the settings that there are, with their defaults, and end");
    cli.set_version_flag("--version", std::string("lpm-sidecar ") + paths::version);
    if (argc > 1 && std::string_view(argv[1]) == "--enroll")
        return run_enroll({argv + 2, argv + argc});
    CLI11_PARSE(cli, argc, argv);
    if (enroll->count() > 0)
        return end_with({Errc::invalid, 0, "--enroll comes first, and its own options after it"});
    if (example) {
        std::fputs(config::sidecar_example().c_str(), stdout);
        return 0;
    }
    auto read = config::read_program_file(file, named->count() > 0, config::parse_sidecar);
    if (!read)
        return end_with(read.error());
    settings.file = *std::move(read);
    const auto least = node::level_of(settings.file.log_level);
    if (!least)
        return end_with(least.error());
    node::start_log(*least, settings.file.log_json);
    const auto done = sidecar::run(settings);
    return done ? 0 : end_with(done.error());
}

int main(int argc, char** argv) {
    try {
        return run_main(argc, argv);
    } catch (const std::exception& error) { // of a library
        return end_with({Errc::io, 0, error.what()});
    }
}
