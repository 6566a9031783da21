// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/themes.hpp"

namespace lpm::check {

Finding judge_container_state(const Facts& facts) {
    // The runtime has words of its own for a container that it does not know, and callers match them.
    if (!facts.state)
        return {Verdict::unknown, "the runtime's state of the container cannot be read"};
    if (facts.state->init == 0)
        return {Verdict::unknown, "the runtime's state does not name the container's first process"};
    if (!facts.alive)
        return {Verdict::block, "the container is stopped: its first process " +
                                    std::to_string(facts.state->init) + " has ended"};
    if (facts.state->waits_for_start)
        return {Verdict::block, "the container is created but not started"};
    return {};
}

Finding judge_terminal(const Facts& facts) {
    if (!facts.bundle)
        return {Verdict::unknown, "the bundle's config.json cannot be read"};
    if (!facts.bundle->terminal)
        return {};
    if (facts.subject.stage == Stage::checkpoint)
        return {Verdict::warn, "the container has a terminal: CRI-O cannot restore it"};
    if (facts.invocation->on(oci::Option::detach) &&
        facts.invocation->text(oci::Option::console_socket) == nullptr)
        return {Verdict::block,
                "the container has a terminal, and a detached restore has nobody to give it to"};
    return {};
}

} // namespace lpm::check
