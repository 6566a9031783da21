// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include "base/paths.hpp"
#include "config/program_file.hpp"
#include "config/sidecar.hpp"
#include "enroll.hpp"
#include "node/log.hpp"

using namespace lpm;

static constexpr int try_again = 75; // EX_TEMPFAIL of sysexits.h: the next run may do better

static int end_with(const Error& error) {
    std::fprintf(stderr, "lpm-sidecar: %s\n", error.text.c_str());
    return error.code == Errc::unavailable || error.code == Errc::io ? try_again : 1;
}

static int run_main(int argc, char** argv) {
    CLI::App cli(
        "lpm-sidecar --enroll: gets this node a certificate from its cluster, by its kubelet's identity.");
    std::string file = "/etc/lpm/sidecar.toml";
    sidecar::Enrollment how{.folder = "/etc/lpm/pki", .kubeconfig = {}, .wait = {}};
    const auto* named = cli.add_option("--config", file, "Settings")->capture_default_str();
    cli.add_option("--pki", how.folder, "Where it puts the certificate")->capture_default_str();
    cli.add_flag("--renew", how.renew, "Also when there is one that is good for long");
    cli.set_version_flag("--version", std::string("lpm-sidecar ") + paths::version);
    CLI11_PARSE(cli, argc, argv);
    const auto read = config::read_program_file(file, named->count() > 0, config::parse_sidecar);
    if (!read)
        return end_with(read.error());
    const auto least = node::level_of(read->log_level);
    if (!least)
        return end_with(least.error());
    node::start_log(*least, read->log_json);
    how.kubeconfig = read->enroll_kubeconfig;
    how.wait = std::chrono::seconds(read->enroll_wait_seconds);
    const auto done = sidecar::enroll(how);
    return done ? 0 : end_with(done.error());
}

int main(int argc, char** argv) {
    try {
        return run_main(argc, argv);
    } catch (const std::exception& error) { // of a library
        return end_with({Errc::invalid, 0, error.what()});
    }
}
