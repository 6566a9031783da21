// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "answer.hpp"
#include "api/checkpoint.hpp"

// What lpm-sidecar of a node tells of an attempt, and what follows from it. Pure.
namespace lpm::controller {

// Of Preflight and Prepare. Errors: Errc::absent: no such container runs there; busy: something goes on with
// it; denied: we may not ask, or it is not served there; invalid: the request is none; unavailable and io:
// ask again.
struct NodeVerdict {
    std::string code{}; // of a check that blocks; empty: none does
    std::string message{};
    bool transient = false;           // it may be over in a moment
    std::vector<CheckEntry> checks{}; // that have something to say
    std::string notes{};              // settings that are ignored, and why
};

struct NodeArchive {
    std::string path{};
    std::int64_t size = 0;
    std::string file_id{};
    std::string state{}; // "whole", "writing", "truncated", "incomplete", "other", "unknown"
    std::string message{};
    std::string record{}; // its id
};

// Of an archive that was read to its end.
struct NodeVerified {
    std::string attempt{}; // whose it is
    std::string sha256{};  // hex digits
    std::string faults{};  // what is wrong with it; empty: nothing
};

struct NodeRecord {
    std::string id{};
    std::string state{};   // "intent", "final"
    std::string outcome{}; // "completed", "refused", "failed", "interrupted"
    std::string code{};
    std::string message{};
    bool transient = false;
    std::vector<CheckEntry> checks{};
    std::optional<std::int64_t> stood_still_us{};
    std::optional<std::int64_t> criu_us{}; // how long CRIU worked
};

// Of a restore of a container of a pod.
struct RestoreRecord {
    std::string id{};
    std::string state{};
    std::string outcome{}; // empty of an intent
    std::string code{};
    std::string message{};
    std::string container{};    // its name
    std::string container_id{}; // which it was made with
    std::optional<Time> ended{};
    std::string object_space{}; // of the ContainerCheckpoint whose archive it was; empty: not known
    std::string object_name{};
    std::string object_uid{};
};

// What the checks beforehand mean for the attempt.
struct Preflight {
    std::string passed = "Unknown"; // the condition PreflightPassed: its status, reason and message
    std::string reason;
    std::string message;
    std::vector<CheckEntry> checks;
    std::optional<Answer> end; // the attempt ends so, and the kubelet is not asked
    bool prepared = false;     // the node knows the attempt by its uid
};
// `attempt`: its number, from 1.
[[nodiscard]] Preflight judge_preflight(const Spec& spec, std::string_view node, std::int64_t attempt,
                                        const Result<NodeVerdict>& told);

// All that is known of an attempt beside the kubelet's answer.
struct Told {
    std::optional<Preflight> preflight;
    std::optional<NodeArchive> archive; // that has the attempt's uid
    std::optional<NodeRecord> record;
    std::optional<std::int64_t> kubelet_ms; // from the request to the kubelet's answer
    bool bypassed = false;                  // it was made, and lpm did not see it
    std::string unchecked;                  // why nobody on the node has seen that the archive is whole
};

// What the node says of an attempt when it is asked; the record only when it is needed.
struct Looked {
    Result<NodeArchive> archive;
    Result<NodeRecord> record; // Errc::absent: there is none, or none was asked for
};
// How an attempt has ended, from the kubelet's answer and what the node says `waited` after it was asked
// first. Nothing: ask again.
[[nodiscard]] std::optional<Answer> judge_outcome(const Answer& heard, const Looked& looked,
                                                  std::chrono::seconds waited);
// Whether the record would change what judge_outcome says.
[[nodiscard]] bool needs_record(const Answer& heard, const Result<NodeArchive>& archive);

// Writes into a status what a node has told.
void write_told(Status& status, const Told& told, Time now);

// The same of an archive that a node has verified since. False: it is not what the status is about.
[[nodiscard]] bool write_verified(Status& status, const NodeVerified& verified, Time now);

} // namespace lpm::controller
