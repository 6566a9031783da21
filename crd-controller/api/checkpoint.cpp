// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "api/checkpoint.hpp"

#include <algorithm>

namespace lpm::controller {

using json::Value;

struct Text {
    const char* name;
    std::string Status::* member;
};
static constexpr Text texts[] = {
    {"phase", &Status::phase},
    {"reason", &Status::reason},
    {"message", &Status::message},
    {"boundContentName", &Status::content},
    {"startTime", &Status::start},
    {"completionTime", &Status::completion},
    {"nodeName", &Status::node},
    {"podUID", &Status::pod_uid},
    {"containerName", &Status::container},
    {"containerID", &Status::container_id},
    {"image", &Status::image},
    {"imageDigest", &Status::image_digest},
    {"archivePath", &Status::archive},
    {"archiveDigest", &Status::archive_digest},
    {"recordID", &Status::record},
    {"logExcerpt", &Status::log_excerpt},
};

struct AttemptText {
    const char* name;
    std::string Attempt::* member;
};
static constexpr AttemptText attempt_texts[] = {
    {"uid", &Attempt::uid},
    {"holder", &Attempt::holder},
    {"startTime", &Attempt::start},
    {"notBefore", &Attempt::not_before},
};

struct RestoreText {
    const char* name;
    std::string Restore::* member;
};
static constexpr RestoreText restore_texts[] = {
    {"podName", &Restore::pod},     {"podUID", &Restore::pod_uid}, {"containerName", &Restore::container},
    {"nodeName", &Restore::node},   {"time", &Restore::time},      {"recordID", &Restore::record},
    {"outcome", &Restore::outcome}, {"reason", &Restore::reason},
};

struct Timing {
    const char* name;
    std::optional<std::int64_t> Status::* member;
};
static constexpr Timing timings[] = {
    {"queuedMilliseconds", &Status::queued_ms},
    {"checkpointMilliseconds", &Status::checkpoint_ms},
    {"frozenMilliseconds", &Status::frozen_ms},
    {"dumpMilliseconds", &Status::dump_ms},
};

void Status::set_condition(std::string_view type, std::string_view state, std::string_view why,
                           std::string_view words, Time now) {
    auto at = std::ranges::find(conditions, type, &Condition::type);
    if (at == conditions.end())
        at = conditions.insert(at, Condition{.type = std::string(type)});
    if (at->status != state)
        at->since = write_seconds(now);
    at->status = state;
    at->reason = why;
    at->message = words;
    at->generation = generation;
}

void Status::set_failed(std::string_view why, std::string_view words, Time now) {
    phase = "Failed";
    reason = why;
    message = words;
    ready = false;
    completion = write_seconds(now);
    set_condition("Ready", "False", why, words, now);
}

bool Checkpoint::has_finalizer() const {
    return std::ranges::contains(finalizers, finalizer);
}

static const Value& list_of(const Value& object, std::string_view path) {
    static const Value none = Value::array();
    const Value* at = json::find_path(object, path);
    return at != nullptr && at->is_array() ? *at : none;
}

static Status read_status(const Value& root) {
    Status status;
    const Value* at = json::find(root, "status");
    if (at == nullptr)
        return status;
    for (const auto& [name, member] : texts)
        status.*member = json::text_or_empty(*at, name);
    status.ready = json::is_true(*at, "ready");
    status.generation = json::integer(*at, "observedGeneration").value_or(0);
    status.size = json::integer(*at, "sizeBytes");
    for (const Value& entry : list_of(*at, "conditions"))
        status.conditions.push_back({json::text_or_empty(entry, "type"), json::text_or_empty(entry, "status"),
                                     json::text_or_empty(entry, "reason"),
                                     json::text_or_empty(entry, "message"),
                                     json::text_or_empty(entry, "lastTransitionTime"),
                                     json::integer(entry, "observedGeneration").value_or(0)});
    for (const Value& entry : list_of(*at, "checks"))
        status.checks.push_back({json::text_or_empty(entry, "id"), json::text_or_empty(entry, "verdict"),
                                 json::text_or_empty(entry, "message")});
    for (const Value& entry : list_of(*at, "restores")) {
        Restore& restore = status.restores.emplace_back();
        for (const auto& [name, member] : restore_texts)
            restore.*member = json::text_or_empty(entry, name);
    }
    if (const Value* attempt = json::find(*at, "attempt"); attempt != nullptr && attempt->is_object()) {
        status.attempt.emplace();
        for (const auto& [name, member] : attempt_texts)
            *status.attempt.*member = json::text_or_empty(*attempt, name);
        status.attempt->number = json::integer(*attempt, "number").value_or(0);
    }
    for (const auto& [name, member] : timings)
        status.*member = json::integer(*at, std::string("timings.") + name);
    return status;
}

Result<Checkpoint> read_checkpoint(const Value& object) {
    Checkpoint read;
    read.key = {json::text_or_empty(object, "metadata.namespace"),
                json::text_or_empty(object, "metadata.name")};
    read.uid = json::text_or_empty(object, "metadata.uid");
    read.version = json::text_or_empty(object, "metadata.resourceVersion");
    if (read.key.space.empty() || read.key.name.empty() || read.uid.empty() || read.version.empty())
        return fail(Errc::invalid,
                    "no ContainerCheckpoint: it lacks a namespace, name, uid or resourceVersion");
    read.generation = json::integer(object, "metadata.generation").value_or(0);
    read.created = read_time(json::text_or_empty(object, "metadata.creationTimestamp")).value_or(Time{});
    read.deleted = !json::text_or_empty(object, "metadata.deletionTimestamp").empty();
    for (const Value& entry : list_of(object, "metadata.finalizers"))
        if (entry.is_string())
            read.finalizers.push_back(entry.get<std::string>());
    read.spec.pod = json::text_or_empty(object, "spec.podName");
    read.spec.container = json::text_or_empty(object, "spec.containerName");
    read.spec.timeout = json::integer(object, "spec.timeoutSeconds");
    read.spec.remove_archive = json::text_or_empty(object, "spec.deletionPolicy") == "Delete";
    read.spec.ttl = json::integer(object, "spec.ttlSecondsAfterFinished");
    if (const Value* options = json::find_path(object, "spec.options");
        options != nullptr && options->is_object())
        for (const auto& [name, value] : options->items())
            if (value.is_string())
                read.spec.options.emplace(name, value.get<std::string>());
    read.spec.dry_run = json::is_true(object, "spec.dryRun");
    read.status = read_status(object);
    return read;
}

static Value write_conditions(const std::vector<Condition>& conditions) {
    Value list = Value::array();
    for (const Condition& one : conditions)
        list.push_back({{"type", one.type},
                        {"status", one.status},
                        {"reason", one.reason},
                        {"message", one.message},
                        {"lastTransitionTime", one.since},
                        {"observedGeneration", one.generation}});
    return list;
}

static Value write_checks(const std::vector<CheckEntry>& checks) {
    Value list = Value::array();
    for (const CheckEntry& one : checks)
        list.push_back({{"id", one.id}, {"verdict", one.verdict}, {"message", one.message}});
    return list;
}

static Value write_restores(const std::vector<Restore>& restores) {
    Value list = Value::array();
    for (const Restore& one : restores) {
        Value& entry = list.emplace_back(Value::object());
        for (const auto& [name, member] : restore_texts)
            if (!(one.*member).empty())
                entry[name] = one.*member;
    }
    return list;
}

static Value write_status(const Status& status) {
    Value out = Value::object();
    for (const auto& [name, member] : texts)
        if (!(status.*member).empty())
            out[name] = status.*member;
    if (!status.phase.empty()) // an object that nobody has looked at says nothing
        out["ready"] = status.ready;
    if (status.generation > 0)
        out["observedGeneration"] = status.generation;
    if (status.size)
        out["sizeBytes"] = *status.size;
    if (!status.conditions.empty())
        out["conditions"] = write_conditions(status.conditions);
    if (!status.checks.empty())
        out["checks"] = write_checks(status.checks);
    if (!status.restores.empty())
        out["restores"] = write_restores(status.restores);
    if (status.attempt) {
        Value& attempt = out["attempt"];
        attempt["number"] = status.attempt->number;
        for (const auto& [name, member] : attempt_texts)
            if (const std::string& text = *status.attempt.*member; !text.empty())
                attempt[name] = text;
    }
    for (const auto& [name, member] : timings)
        if (status.*member)
            out["timings"][name] = *(status.*member);
    return out;
}

// What makes `to` of `from`, as a merge-patch has it: members that are gone are null.
static Value difference(const Value& from, const Value& to) {
    Value change = Value::object();
    for (const auto& [name, value] : to.items()) {
        const Value* old = json::find(from, name);
        if (old != nullptr && *old == value)
            continue;
        change[name] =
            old != nullptr && old->is_object() && value.is_object() ? difference(*old, value) : value;
    }
    for (const auto& [name, value] : from.items())
        if (!to.contains(name))
            change[name] = nullptr;
    return change;
}

Value status_patch(const Checkpoint& seen, const Status& to) {
    return {{"metadata", {{"resourceVersion", seen.version}}},
            {"status", difference(write_status(seen.status), write_status(to))}};
}

std::vector<std::string> status_fields() {
    std::vector<std::string> names{"ready",   "observedGeneration", "conditions", "checks", "attempt",
                                   "timings", "sizeBytes",          "restores"};
    for (const auto& text : texts)
        names.emplace_back(text.name);
    for (const auto& text : attempt_texts)
        names.push_back(std::string("attempt.") + text.name);
    names.emplace_back("attempt.number");
    for (const auto& timing : timings)
        names.push_back(std::string("timings.") + timing.name);
    return names;
}

void drop_fields(Value& patch, const std::vector<std::string>& unknown) {
    for (const std::string& path : unknown) {
        Value* at = &patch["status"];
        std::string_view rest = path;
        for (auto dot = rest.find('.'); dot != std::string_view::npos && at->is_object();
             dot = rest.find('.')) {
            const auto found = at->find(rest.substr(0, dot));
            if (found == at->end())
                break;
            at = &*found;
            rest.remove_prefix(dot + 1);
        }
        if (at->is_object() && !rest.contains('.'))
            at->erase(std::string(rest));
    }
}

Value finalizers_patch(const Checkpoint& seen, bool has) {
    Value list = Value::array();
    for (const std::string& name : seen.finalizers)
        if (name != finalizer)
            list.push_back(name);
    if (has)
        list.push_back(finalizer);
    return {{"metadata", {{"resourceVersion", seen.version}, {"finalizers", std::move(list)}}}};
}

} // namespace lpm::controller
