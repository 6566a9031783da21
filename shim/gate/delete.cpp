// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <chrono>
#include <string_view>
#include <thread>

#include "base/deadline.hpp"
#include "cleanup/processes.hpp"
#include "creation.hpp"
#include "verbs.hpp"

namespace lpm::gate {

// CRI-O restores, and deletes when that takes longer than it waits: the restore may well go on for minutes.
static constexpr std::chrono::seconds patience_with_delete{10};
static constexpr std::chrono::milliseconds pause{50};

static void await_restore(const oci::Invocation& call) {
    // A life-cycle hook that deletes is not to wait for the gate that runs it.
    const auto restores = [&](pid_t pid, const oci::Invocation& other) {
        return other.gated && other.verb == oci::Verb::restore && std::string_view(other.id) == call.id &&
               same_root(other.text(oci::Option::root), call.text(oci::Option::root)) && !is_ancestor(pid);
    };
    const Deadline deadline(patience_with_delete);
    pid_t restore = 0;
    while (shim::creation_in_progress(call) && !deadline.passed()) {
        // All of /proc is read only when the one that was found is gone.
        if (restore == 0 || !makes_call(restore, restores))
            restore = find_call(restores);
        if (restore == 0)
            return;
        std::this_thread::sleep_for(pause);
    }
}

void before_delete(const oci::Invocation& call) {
    try {
        await_restore(call);
    } catch (...) { // NOLINT(bugprone-empty-catch): no memory; the delete goes on
    }
    shim::unbind_root(call);
}

} // namespace lpm::gate
