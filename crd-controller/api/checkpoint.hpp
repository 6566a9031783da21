// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/time.hpp"
#include "base/result.hpp"
#include "kube/kinds.hpp"
#include "json/json.hpp"

// ContainerCheckpoint and ContainerCheckpointContent of lpm.my.domain/v1 (deploy/crd.yaml says what each
// field means).
namespace lpm::controller {

using kube::checkpoints_path;
using kube::contents_path;
using kube::group_version;
// Of an object whose deletion has something to clean.
inline constexpr const char* finalizer = "lpm.my.domain/checkpoint";

struct Key {
    std::string space; // namespace
    std::string name;
    auto operator<=>(const Key&) const = default;
    [[nodiscard]] std::string text() const { return space + "/" + name; }
};
[[nodiscard]] inline Key key_of(const std::string& text) {
    const auto slash = text.find('/');
    return {text.substr(0, slash), text.substr(slash + 1)};
}

struct Condition {
    std::string type{};
    std::string status{}; // True, False, Unknown
    std::string reason{};
    std::string message{};
    std::string since{}; // lastTransitionTime
    std::int64_t generation = 0;
    bool operator==(const Condition&) const = default;
};

struct CheckEntry { // an entry of status.checks
    std::string id{};
    std::string verdict{};
    std::string message{};
    bool operator==(const CheckEntry&) const = default;
};

struct Restore { // an entry of status.restores
    std::string pod{};
    std::string pod_uid{};
    std::string container{};
    std::string node{};
    std::string time{};
    std::string record{};  // on the node
    std::string outcome{}; // completed, refused, failed, interrupted
    std::string reason{};  // of what did not complete
    bool operator==(const Restore&) const = default;
};

struct Attempt {
    std::string uid{};
    std::int64_t number = 0; // of this object, from 1
    std::string holder{};    // the controller that sends the request
    std::string start{};
    std::string not_before{}; // earliest time of the next one
    bool operator==(const Attempt&) const = default;
};

struct Spec {
    std::string pod;
    std::string container;
    std::optional<std::int64_t> timeout;        // seconds
    bool remove_archive = false;                // deletionPolicy: Delete
    std::optional<std::int64_t> ttl;            // ttlSecondsAfterFinished
    std::map<std::string, std::string> options; // of CRIU
    bool dry_run = false;
};

struct Status {
    std::string phase; // Pending, Running, Completed (or Succeeded), Failed
    std::string reason;
    std::string message;
    std::string content; // boundContentName
    bool ready = false;
    std::string start;      // startTime: when it was accepted
    std::string completion; // completionTime
    std::int64_t generation = 0;
    std::vector<Condition> conditions;
    std::vector<CheckEntry> checks;
    std::string node;
    std::string pod_uid;
    std::string container; // the name that was meant
    std::string container_id;
    std::string image;
    std::string image_digest;
    std::string archive;              // archivePath, on the node
    std::string archive_digest;       // archiveDigest, "sha256:..."
    std::optional<std::int64_t> size; // sizeBytes, of the archive
    std::string record;               // recordID, of the checkpoint on the node
    std::string log_excerpt;          // logExcerpt
    std::vector<Restore> restores;    // newest first
    std::optional<Attempt> attempt;
    std::optional<std::int64_t> queued_ms;     // from its creation to the last attempt's request
    std::optional<std::int64_t> checkpoint_ms; // from that request to its answer
    std::optional<std::int64_t> frozen_ms;     // how long the container stood still
    std::optional<std::int64_t> dump_ms;       // how long CRIU worked
    bool operator==(const Status&) const = default;

    [[nodiscard]] bool is_finished() const {
        return phase == "Completed" || phase == "Succeeded" || phase == "Failed";
    }
    // Sets a condition; the time changes only when the status does.
    void set_condition(std::string_view type, std::string_view status, std::string_view reason,
                       std::string_view message, Time now);
    // It has ended without an archive of which it is known whose it is.
    void set_failed(std::string_view why, std::string_view words, Time now);
};

struct Checkpoint {
    Key key;
    std::string uid;
    std::string version; // resourceVersion
    std::int64_t generation = 0;
    Time created{};
    bool deleted = false; // deletionTimestamp is set
    std::vector<std::string> finalizers;
    Spec spec;
    Status status;

    [[nodiscard]] bool has_finalizer() const;
};

// Errc::invalid for what is no ContainerCheckpoint.
[[nodiscard]] Result<Checkpoint> read_checkpoint(const json::Value& object);

// A merge-patch for /status that makes `to` of `seen`, only while the object is as it was seen. Fields that
// the status had and has not are null; those that `to` does not know stay as they are.
[[nodiscard]] json::Value status_patch(const Checkpoint& seen, const Status& to);
// Names of status fields, "attempt.uid", that are written.
[[nodiscard]] std::vector<std::string> status_fields();
// Leaves these fields out.
void drop_fields(json::Value& patch, const std::vector<std::string>& unknown);

// A merge-patch for the object itself.
[[nodiscard]] json::Value finalizers_patch(const Checkpoint& seen, bool has);

// "NAMESPACE.NAME.UID8", at most 253 characters.
[[nodiscard]] std::string content_name(const Checkpoint& of);
[[nodiscard]] json::Value content_of(const Checkpoint& of, const Status& status);
// Whether a ContainerCheckpointContent belongs to this object, not to another one that had its name.
[[nodiscard]] bool is_content_of(const json::Value& content, const Checkpoint& of);

} // namespace lpm::controller
