// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kubectl/command.hpp"

using namespace lpm;

// kubectl runs it for `kubectl lpm`.
static const cli::Program program{
    .name = "kubectl lpm", .trouble = cli::kubectl::no, .suggest = cli::kubectl::suggest};

static int run_main(int argc, char** argv) {
    CLI::App app("", program.name);
    cli::kubectl::Context context;
    return cli::run_program(program, app, cli::kubectl::add_kubectl_lpm(app, context), argc, argv);
}

int main(int argc, char** argv) {
    return cli::run_safely(program, [&] { return run_main(argc, argv); });
}
