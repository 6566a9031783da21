// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include "ask_cri.hpp"
#include "base/paths.hpp"
#include "cri_facts.hpp"
#include "inspect/crio_files.hpp"

using namespace lpm;

enum Ended { answered = 0, not_asked = 1, bad_arguments = 2 };

static int end_with(Ended how, const std::string& text) {
    std::fprintf(stderr, "lpm-sidecar: %s\n", text.c_str());
    return how;
}

static int run_main(int argc, char** argv) {
    CLI::App cli(
        "Asks this node's container runtime what it is, and whether it takes checkpoints as it runs; prints "
        "one JSON object. Exit status 1: it could not be asked; 2: the options are wrong.",
        "lpm-sidecar --ask-cri");
    std::string endpoint;
    int seconds = 5;
    cli.add_option("--endpoint", endpoint, "Its socket; that of CRI-O's configuration otherwise")
        ->check([](const std::string& text) { return text.empty() ? "an endpoint is not empty" : ""; });
    cli.add_option("--timeout", seconds, "Seconds to wait for each of three answers")
        ->check(CLI::Range(1, 60))
        ->capture_default_str();
    cli.set_version_flag("--version", std::string("lpm-sidecar ") + paths::version);
    try {
        cli.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return cli.exit(error) == 0 ? answered : bad_arguments;
    }
    const auto facts =
        sidecar::ask_cri(endpoint, inspect::find_crio_files().files, std::chrono::seconds(seconds));
    if (!facts)
        return end_with(!endpoint.empty() && facts.error().code == Errc::invalid ? bad_arguments : not_asked,
                        facts.error().text);
    if (std::printf("%s\n", json::write(*facts, 2).c_str()) < 0 || std::fflush(stdout) != 0)
        return end_with(not_asked, "the answer cannot be written to standard output");
    const json::Value& version = facts->at("version");
    if (!sidecar::is_unknown(version))
        return answered;
    return end_with(not_asked, json::text_or_empty(*facts, "endpoint.socket") + ": " +
                                   json::text_or_empty(version, "unknown"));
}

int main(int argc, char** argv) {
    try {
        return run_main(argc, argv);
    } catch (const std::exception& error) { // of a library
        return end_with(not_asked, error.what());
    }
}
