// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include "app.hpp"
#include "base/paths.hpp"
#include "config/document.hpp"
#include "config/program_file.hpp"
#include "enroll.hpp"
#include "node/gate_client.hpp"
#include "node/log.hpp"

using namespace lpm;

static constexpr const char* usual_config = "/etc/lpm/sidecar.toml";

static constexpr int try_again = 75; // EX_TEMPFAIL of sysexits.h: the next run may do better

static int end_with(const Error& error) {
    std::fprintf(stderr, "lpm-sidecar: %s\n", error.text.c_str());
    return 1;
}

static int run_enroll(const config::Sidecar& settings, const std::string& folder, bool renew) {
    const auto done = sidecar::enroll({.folder = folder,
                                       .kubeconfig = settings.enroll_kubeconfig,
                                       .wait = std::chrono::seconds(settings.enroll_wait_seconds),
                                       .renew = renew});
    if (done)
        return 0;
    const int status = end_with(done.error());
    return done.error().code == Errc::unavailable || done.error().code == Errc::io ? try_again : status;
}

static int run_main(int argc, char** argv) {
    CLI::App cli("Serves the checkpoint records of this node, and judges its containers, over gRPC (lpm.node.v1).");
    sidecar::Settings settings{.socket = std::string(paths::run_dir) + "/sidecar.sock",
                               .places = {paths::state_dir, paths::probe_file, node::gate_socket},
                               .file = {}};
    std::string file = usual_config;
    std::string pki = "/etc/lpm/pki";
    bool enroll = false;
    bool renew = false;
    bool example = false;
    const auto* named = cli.add_option("--config", file, "Settings")->capture_default_str();
    cli.add_option("--socket", settings.socket, "For clients on this node; systemd may hand it over")
        ->capture_default_str();
    cli.add_option("--store", settings.places.store, "Where the records are")->capture_default_str();
    cli.add_option("--gate", settings.places.gate_socket, "Where lpm-gate is asked")->capture_default_str();
    cli.add_flag("--enroll", enroll, "Get this node a certificate from its cluster, and end (root)");
    cli.add_flag("--renew", renew, "With --enroll: also when the certificate is good for long");
    cli.add_option("--pki", pki, "Where --enroll puts it")->capture_default_str();
    cli.add_flag("--print-config", example,
                 "Print the settings that there are, with their defaults, and end");
    cli.set_version_flag("--version", std::string("lpm-sidecar ") + paths::version);
    CLI11_PARSE(cli, argc, argv);
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
    if (enroll)
        return run_enroll(settings.file, pki, renew);
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
