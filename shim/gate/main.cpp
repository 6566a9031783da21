// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <string_view>

#include "call.hpp"
#include "creation.hpp"
#include "deletion.hpp"
#include "probe.hpp"
#include "report.hpp"
#include "settle.hpp"

using namespace lpm;

static int pass_through(char** argv, char** environment) {
    gate::become_runtime(argv, environment);
    gate::add_line("lpm-gate: no container runtime to run");
    return 1;
}

static void wait_and_unbind(const oci::Invocation& invocation) {
    try {
        gate::await_restore(invocation);
    } catch (...) { // NOLINT(bugprone-empty-catch): no memory; the delete goes on
    }
    shim::unbind_root(invocation);
}

// lpm-gate: the front becomes this program for a checkpoint or a restore, and for the delete of a container
// that is still being made. `lpm-gate --probe` fills the cache, `lpm-gate --settle` ends records of calls
// that were interrupted and removes old ones.
int main(int argc, char** argv, char** environment) {
    if (argc == 2 && std::string_view(argv[1]) == "--probe")
        return gate::probe();
    if (argc == 2 && std::string_view(argv[1]) == "--settle")
        return gate::settle();
    const oci::Invocation invocation = oci::parse(argc, argv);
    if (invocation.verb == oci::Verb::remove)
        wait_and_unbind(invocation);
    if (!invocation.gated)
        return pass_through(argv, environment);
    gate::Call call(invocation, argv, argc, environment);
    try {
        call.begin(invocation.verb == oci::Verb::restore ? inspect::Stage::restore
                                                         : inspect::Stage::checkpoint);
        if (call.refused() || !call.delegate())
            return 1;
        call.end();
    } catch (...) {
        // Nothing of ours throws but for want of memory. The operation goes on, or has been; what was
        // refused stays refused.
        if (call.decided()) {
            gate::add_line("lpm-gate: refused, and no memory is left to say why: free some, and try again");
            return 1;
        }
        if (!call.ended())
            return pass_through(argv, environment);
    }
    gate::end_like(*call.ended());
}
