// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cstdio>
#include <string_view>

#include "base/paths.hpp"
#include "command.hpp"
#include "kubectl/command.hpp"
#include "manual.hpp"
#include "node/gate_client.hpp"

using namespace lpm;

static std::string document_of(std::string_view program) {
    if (program == "lpmctl") {
        CLI::App app("", "lpmctl");
        cli::Context context{.store = paths::state_dir, .gate = node::gate_socket};
        const auto actions = cli::add_lpmctl(app, context);
        return cli::commands_document(app);
    }
    CLI::App app("", "kubectl lpm");
    cli::kubectl::Context context;
    const auto actions = cli::kubectl::add_kubectl_lpm(app, context);
    return cli::commands_document(app);
}

// commands-document lpmctl|kubectl-lpm
int main(int argc, char** argv) {
    std::fputs(document_of(argc > 1 ? argv[1] : "").c_str(), stdout);
    return 0;
}
