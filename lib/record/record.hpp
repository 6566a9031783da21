// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "config/settings.hpp"
#include "record/words.hpp"

// What lpm keeps of one gated call. docs/records.md is the contract of the stored form.
namespace lpm::record {

inline constexpr int schema = 1;

struct Finding {
    std::string check;
    Word<config::Severity> severity;
    Word<Verdict> verdict;
    std::string message; // empty for pass
};

// A life-cycle hook that was to run.
struct HookRun {
    std::string name;
    Word<HookPoint> point;
    Word<HookOutcome> outcome;
    std::string message;       // why, of failed and skipped
    std::uint64_t time_ms = 0; // that it took
};

// An object of Kubernetes.
struct ObjectName {
    std::string name_space;
    std::string name;
    std::string uid;
};

struct Record {
    int version = schema; // of the stored form: a later one has more than is read here
    std::string stored;   // the text that it was read from, empty of a new one: what is not known stays in it
    std::string id;       // ULID
    std::string lpm;      // the version that began it
    std::string attempt;  // uid of the controller's attempt that asked for it; see valid_attempt
    ObjectName object;    // for which it was prepared
    bool final = false;
    Word<Operation> operation;
    Word<Outcome> outcome;        // empty while an intent
    std::int64_t gate_pid = 0;    // who ends it
    std::uint64_t gate_start = 0; // of that process: clock ticks after boot

    // container
    std::string container;
    std::string root;
    std::string bundle;
    std::int64_t pid = 0;
    bool frozen = false;                                    // frozen by the caller when the gate began
    std::vector<std::pair<std::string, std::string>> names; // namespace, pod, name, image, ...

    // what ran
    std::string runtime_path;
    std::string runtime_kind;
    std::string runtime_version;
    std::string criu_path;
    std::string criu_version;
    std::vector<std::string> argv; // without argv[0]; bounded
    std::vector<std::string> additions;
    std::string image_path;
    std::string work_path;
    std::string parent_path;
    bool leave_running = false;
    Word<config::Tcp> tcp; // what a checkpoint does with connections: close or established, or empty

    // where
    std::string host;
    std::string boot_id;
    std::string kernel;
    std::string arch;
    std::string cpu; // of a checkpoint: names of the instructions that programs found

    // RFC 3339, UTC, milliseconds
    std::string started;
    std::string delegated; // checks done, runtime started; empty when refused
    std::string ended;

    std::vector<Finding> findings;
    std::vector<HookRun> hooks;

    std::optional<int> exit_status;
    std::optional<int> signal;
    std::string code;       // of a refusal or a failure: id of the check, or CRIU's error classified
    std::string message;    // the same for a person
    bool transient = false; // of a refusal: all that blocked may be over in a moment
    std::vector<std::pair<std::string, std::uint64_t>> stats;
    std::optional<std::uint64_t> image_bytes;
    // From pause to resume, in microseconds, of a container that its caller had paused. It comes after the
    // final record.
    std::optional<std::uint64_t> stood_still_us;
    std::string parent;        // record of the previous link of a pre-dump chain
    std::string restored_from; // record that took the images which a restore reads
    std::vector<std::string> notes;
};

// Of a newer lpm: it may be shown, and is not for this one to change.
[[nodiscard]] inline bool is_later(const Record& record) {
    return record.version > schema;
}
// A new one, of this node, that begins now.
[[nodiscard]] Record begin_record(Operation operation);

[[nodiscard]] inline State state_of(const Record& record) {
    return record.final ? State::final : State::intent;
}
// The uid of an attempt as an API server makes them: 1 to 64 letters, digits and -_. Others are neither
// written nor read.
[[nodiscard]] bool valid_attempt(std::string_view uid);

// What would be longer than is read again (1 MiB) loses the words of its findings, hooks and notes, and says
// so.
[[nodiscard]] std::string write_record(const Record& record);
// Missing fields stay at their defaults; of a later schema what is known is read. Errc::invalid when the text
// is no record, or has a state that its schema does not know.
[[nodiscard]] Result<Record> parse_record(std::string_view text);

// lpm.json, which travels inside the image directory: facts that a restore needs, flat.
struct CheckpointManifest {
    std::string record;  // id of the record that took the images
    std::string attempt; // that asked for it
    ObjectName object;   // for which it was taken
    std::string container;
    std::string arch;
    std::string kernel;
    std::string runtime;
    std::string criu;
    std::string created;
    std::string cpu;
    Word<config::Tcp> tcp; // close or established: what the dump was told, and the restore must be
    std::string image;     // of the container, as its engine names it
    std::string image_ref; // its id or digest
    // As the engine's annotations name them; empty where there is no Kubernetes.
    std::string name_space;
    std::string pod;
    std::string pod_uid;
    std::string container_name;
};
inline constexpr const char* manifest_file = "lpm.json";
[[nodiscard]] std::string write_manifest(const Record& record);
[[nodiscard]] Result<CheckpointManifest> parse_manifest(std::string_view text);

// Crockford's base 32.
inline constexpr std::string_view ulid_alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
// A new ULID: 48 bits of time in ms, 80 random bits; sorts by time.
[[nodiscard]] std::string new_id();
[[nodiscard]] bool valid_id(std::string_view id);

} // namespace lpm::record
