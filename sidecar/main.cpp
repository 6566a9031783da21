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

// What this program becomes when the option comes first: what is needed for that has no place in a daemon.
struct OneShot {
    const char* option;
    const char* program;
    const char* help;
};
static constexpr OneShot one_shots[] = {
    {"--enroll", LPM_PROGRAMS "lpm-enroll",
     "Get this node a certificate from its cluster, and end: as root; --enroll --help"},
    {"--ask-cri", LPM_PROGRAMS "lpm-ask-cri",
     "Ask this node's container runtime what it is and takes, and end: as root; --ask-cri --help"},
};

static int become(const char* program, std::vector<std::string> options) {
    options.insert(options.begin(), program);
    std::vector<char*> argv;
    argv.reserve(options.size() + 1);
    for (std::string& option : options)
        argv.push_back(option.data());
    argv.push_back(nullptr);
    ::execv(program, argv.data());
    return end_with(fail_errno(errno, program).error());
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
    for (const auto& one : one_shots)
        cli.add_flag(one.option, one.help);
    cli.add_flag("--print-config", example,
                 "Print the settings that there are, with their defaults, and end");
    cli.set_version_flag("--version", std::string("lpm-sidecar ") + paths::version);
    for (const auto& one : one_shots)
        if (argc > 1 && std::string_view(argv[1]) == one.option)
            return become(one.program, {argv + 2, argv + argc});
    CLI11_PARSE(cli, argc, argv);
    for (const auto& one : one_shots)
        if (cli.count(one.option) > 0)
            return end_with(
                {Errc::invalid, 0, std::string(one.option) + " comes first, and its own options after it"});
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
