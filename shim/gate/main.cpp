// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <string_view>

#include "oci/pending.hpp"
#include "report.hpp"
#include "verbs.hpp"

using namespace lpm;

static int pass_through(char** argv, char** environment) {
    gate::become_runtime(argv, environment);
    gate::add_line("lpm-gate: no container runtime to run");
    return 1;
}

using Run = void(const gate::Arguments&, gate::Progress&);

// nullptr: the call is not ours after all.
static Run* find_run(const oci::Invocation& invocation) {
    if (!invocation.gated)
        return nullptr;
    switch (invocation.verb) {
    case oci::Verb::checkpoint:
        return gate::checkpoint;
    case oci::Verb::restore:
        return gate::restore;
    default:
        return nullptr;
    }
}

static int run_gated(Run& run, const gate::Arguments& arguments) {
    gate::Progress progress;
    try {
        run(arguments, progress);
        if (!progress.ended)
            return 1;
    } catch (...) {
        // Nothing of ours throws but for want of memory. The operation goes on, or has been; what was
        // refused stays refused.
        if (progress.refused) {
            gate::add_line("lpm-gate: refused, and no memory is left to say why: free some, and try again");
            return 1;
        }
        if (!progress.ended)
            return pass_through(arguments.argv, arguments.environment);
    }
    gate::end_like(*progress.ended);
}

// A container whose pod asks for a restore is never started without one by accident.
static int run_create(const gate::Arguments& arguments) {
    gate::Progress progress;
    try {
        if (!gate::create(arguments, progress))
            return pass_through(arguments.argv, arguments.environment);
    } catch (...) {
        gate::add_line("lpm-gate: not created, as no memory is left: free some, and try again");
        return 1;
    }
    if (!progress.ended)
        return 1;
    gate::end_like(*progress.ended);
}

static int run_pending(const gate::Arguments& arguments) {
    try {
        return gate::ask_pending(arguments);
    } catch (...) {
        gate::add_line("lpm-gate: no memory is left: free some, and try again");
        return 1;
    }
}

// lpm-gate: the front becomes this program for a checkpoint or a restore, for the delete of a container that
// is still being made, for a create where a container may be restored then, and for what is asked of one that
// was, until its start. `lpm-gate --probe` fills the cache, `lpm-gate --settle` ends records of calls
// that were interrupted and removes old ones, and archives beyond [archives] keep, `lpm-gate --rescue` thaws
// what a dead caller has left paused, ends restores at create that nobody completes and signs new archives,
// `lpm-gate --answer` answers one request of lpm-sidecar or lpmctl, `lpm-gate --version` names the builds:
// --version of lpm-runc is the runtime's.
int main(int argc, char** argv, char** environment) {
    if (argc == 2 && std::string_view(argv[1]) == "--probe")
        return gate::probe();
    if (argc == 2 && std::string_view(argv[1]) == "--settle")
        return gate::settle();
    if (argc == 2 && std::string_view(argv[1]) == "--rescue")
        return gate::rescue();
    if (argc == 2 && std::string_view(argv[1]) == "--answer")
        return gate::answer(environment);
    if (argc == 2 && std::string_view(argv[1]) == "--version")
        return gate::version();
    const oci::Invocation invocation = oci::parse(argc, argv);
    const gate::Arguments arguments{invocation, argv, argc, environment};
    if (invocation.verb == oci::Verb::remove)
        gate::before_delete(invocation);
    if (invocation.verb == oci::Verb::create && oci::valid_id(invocation.id))
        return run_create(arguments);
    if (!invocation.gated && oci::is_pending(invocation.text(oci::Option::root), invocation.id))
        return run_pending(arguments);
    if (Run* run = find_run(invocation))
        return run_gated(*run, arguments);
    return pass_through(argv, environment);
}
