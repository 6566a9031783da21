// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <string_view>

#include "call.hpp"
#include "probe.hpp"
#include "report.hpp"

// lpm-gate: the front becomes this program for a checkpoint or a restore. `lpm-gate --probe` fills the cache.
int main(int argc, char** argv, char** environment) {
    using namespace lpm;
    if (argc == 2 && std::string_view(argv[1]) == "--probe")
        return gate::probe();
    const oci::Invocation invocation = oci::parse(argc, argv);
    if (!invocation.gated || !oci::valid_id(invocation.id)) {
        // The runtime has its own words for a bad id, and no path is made from one here.
        gate::become_runtime(argv, environment);
        gate::add_line("lpm-gate: no container runtime to run");
        return 1;
    }
    gate::Call call(invocation, argv, argc, environment);
    call.begin(invocation.verb == oci::Verb::restore ? check::Stage::restore : check::Stage::checkpoint);
    if (call.refused() || !call.delegate())
        return 1;
    call.end();
    gate::end_like(call.ended());
}
