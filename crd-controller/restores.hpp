// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "api/checkpoint.hpp"
#include "api/pod.hpp"
#include "decide.hpp"
#include "told.hpp"

// What is said of pods that ask to be restored, beside what their nodes have in records. Pure.
namespace lpm::controller {

// How far each container that asks for it has come: {name: a word}, without those that were not tried yet.
// Only a word that changes is worth a question to the node.
using RestoreStates = std::map<std::string, std::string>;
[[nodiscard]] RestoreStates restore_states(const Pod& pod);

struct RestoreReport {
    struct OfPod {
        Event event;
        // The record, or of a warning the container: one that is started again and again is warned of once.
        std::string same;
        Time when{};
    };
    struct OfCheckpoint {
        Key key;
        std::string uid; // empty: whichever has that name
        Restore restore;
    };
    std::vector<OfPod> events;
    std::vector<OfCheckpoint> restores;
};
// `fresh`: containers of which the node was asked for the first time since they have come so far. `records`:
// of the pod's restores since then, or more.
[[nodiscard]] RestoreReport report_restores(const Key& key, const Pod& pod, const RestoreStates& fresh,
                                            const std::vector<RestoreRecord>& records, Time now);

// Adds an entry to status.restores, in its place; only the newest ten stay. Of what did not complete, and
// comes again and again, the first is enough. False: nothing has changed.
bool add_restore(std::vector<Restore>& restores, const Restore& one);

} // namespace lpm::controller
