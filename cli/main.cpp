// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/paths.hpp"
#include "command.hpp"
#include "node/gate_client.hpp"
#include "records.hpp"

using namespace lpm;

static const cli::Program program{.name = "lpmctl", .trouble = cli::trouble, .suggest = cli::suggest_records};

static int run_main(int argc, char** argv) {
    CLI::App app("", program.name);
    cli::Context context{.store = paths::state_dir, .gate = node::gate_socket};
    return cli::run_program(program, app, cli::add_lpmctl(app, context), argc, argv);
}

int main(int argc, char** argv) {
    return cli::run_safely(program, [&] { return run_main(argc, argv); });
}
