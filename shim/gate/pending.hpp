// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>

#include "base/result.hpp"

// Containers that `create` has restored and that wait for their start (oci/pending.hpp).
namespace lpm::gate {

// What `start` needs of one, and who looks for what is left.
struct Pending {
    std::string root; // of the runtime's states
    std::string pod_uid;
    std::string container; // its name in the pod
    std::string hostname;  // that it is to have; empty: that of the images
    pid_t gate = 0;        // that restores it
    std::uint64_t gate_start = 0;
    pid_t monitor = 0; // that called the gate: conmon
    std::uint64_t monitor_start = 0;
    std::string bundle;       // absolute; empty: not known
    std::string cgroups_path; // as config.json has it
    bool held = false;        // its create is complete: it is paused, and waits
    bool started = false;     // a gate that was killed then has left the mark
};

// With this process as its gate, and its parent as its monitor.
[[nodiscard]] Result<> mark_pending(const std::string& root, const std::string& id, Pending pending);
// Errc::absent: it was deleted meanwhile.
[[nodiscard]] Result<> note_held(const std::string& root, const std::string& id);
// Before it goes on: from now on the mark is nobody's reason to end it.
[[nodiscard]] Result<> note_start(const std::string& root, const std::string& id, Pending pending);
// Errc::absent: it is none.
[[nodiscard]] Result<Pending> read_pending(const std::string& root, const std::string& id);
void unmark_pending(const std::string& root, const std::string& id);

// A container of a pod has been restored: /var/lib/lpm/restored/<uid of the pod>_<name>, which outlives a
// boot. The memory of an archive goes on once; who starts again, starts anew.
[[nodiscard]] Result<> mark_restored(const Pending& pending);
// What cannot be told counts as restored: an error.
[[nodiscard]] Result<bool> was_restored(const std::string& pod_uid, const std::string& container);
// Removes those marks of pods of which the kubelet that runs has no folder any more; without one, none.
void forget_restored();

// Where the archive of a container is unpacked: /var/lib/lpm/waking/<hash of root>/<id>. It is removed when
// the restore is over; `delete` removes what a gate that was killed has left.
[[nodiscard]] std::string unpacked_dir(const std::string& root, const std::string& id);
[[nodiscard]] Result<> make_unpacked_dir(const std::string& root, const std::string& id);
void remove_unpacked(const std::string& root, const std::string& id);

// Removes containers whose create was never completed, as their gate was killed, and those whose monitor has
// ended, or whose bundle is gone, while they waited for their start, which nobody can give them any more;
// marks of containers that the runtime does not know and nobody makes any more; and what was unpacked for
// containers without a mark.
void remove_left_pending();

} // namespace lpm::gate
