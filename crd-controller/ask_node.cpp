// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "node/log.hpp"
#include "reconcile.hpp"

// What lpm-sidecar of the pod's node is asked: before an attempt, after it, and when its archive is to go.
namespace lpm::controller {

using namespace std::chrono_literals;
using Kind = Answer::Kind;
using node::Level;

Result<SidecarClient::Node> Reconciler::node_of(const std::string& name) {
    TRY_ASSIGN(std::string host, parts_.kubelets.host_of(name));
    return SidecarClient::Node{name, std::move(host)};
}

Preflight Reconciler::ask_beforehand(const Checkpoint& object, const Action::Target& target) {
    const auto node = node_of(target.node);
    const auto judge = [&](const Result<NodeVerdict>& told) {
        return judge_preflight(object.spec, target.node, object.status.attempt->number, told);
    };
    if (!node) // whatever it is: it says nothing of the container
        return judge(fail(Errc::unavailable, node.error().text));
    const SidecarClient::Container container{object.key.space, target.pod, object.status.pod_uid,
                                             target.container, ""};
    return judge(object.spec.dry_run ? parts_.sidecar->preflight(*node, container, object.spec.options)
                                     : parts_.sidecar->prepare(
                                           *node, container, object.spec.options, object.status.attempt->uid,
                                           {object.key.space, object.key.name, object.uid}));
}

Looked Reconciler::look_at_node(const Checkpoint& object, const Answer& heard) {
    Looked looked{fail(Errc::unavailable, ""), fail(Errc::absent, "nobody has asked for a record")};
    const Attempt& attempt = *object.status.attempt;
    const auto node = node_of(object.status.node);
    if (!node) {
        looked.archive = fail(Errc::unavailable, node.error().text);
        return looked;
    }
    looked.archive = parts_.sidecar->find_archive(*node, attempt.uid);
    if (needs_record(heard, looked.archive))
        looked.record = parts_.sidecar->find_record(*node, attempt.uid,
                                                    read_time(attempt.start).value_or(object.created));
    return looked;
}

// Figures and words of a record, if the node tells them.
void Reconciler::add_record(const Checkpoint& object, const Looked& looked, Told& told) {
    if (looked.record) {
        told.record = *looked.record;
        return;
    }
    const Attempt& attempt = *object.status.attempt;
    const auto node = node_of(object.status.node);
    if (!node) {
        told.bypassed = false; // nobody was asked
        return;
    }
    auto record = looked.archive && !looked.archive->record.empty()
                      ? parts_.sidecar->get_record(*node, looked.archive->record)
                      : parts_.sidecar->find_record(*node, attempt.uid,
                                                    read_time(attempt.start).value_or(object.created));
    told.bypassed = told.bypassed && !record && record.error().code == Errc::absent;
    if (record)
        told.record = *std::move(record);
}

// Nothing: the controller is to end before it is known.
std::optional<Answer> Reconciler::ask_afterwards(const Checkpoint& object, const Answer& heard, Told& told) {
    Looked looked{fail(Errc::absent, ""), fail(Errc::absent, "")};
    std::optional<Answer> answer;
    if (heard.kind != Kind::completed && heard.kind != Kind::unknown)
        answer = heard;
    const auto began = std::chrono::steady_clock::now();
    for (Millis pause = 250ms; !answer; pause = std::min<Millis>(pause * 2, 10s)) {
        looked = look_at_node(object, heard);
        answer = judge_outcome(
            heard, looked,
            std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began));
        if (!answer && !parts_.attempts.pause(pause)) {
            if (heard.kind != Kind::completed)
                return std::nullopt;
            answer = heard; // nobody after us would hear it
        }
    }
    if (looked.archive)
        told.archive = *looked.archive;
    if (looked.archive && looked.archive->state != "whole" && answer->kind == Kind::completed)
        told.unchecked =
            "the archive was still " + one_line(looked.archive->state, 16) + " when it was last seen";
    else if (!looked.archive && answer->kind == Kind::completed)
        told.unchecked = "nobody has seen that the archive is whole: " + looked.archive.error().text;
    told.bypassed = answer->kind == Kind::completed && !looked.archive; // unless there is a record
    add_record(object, looked, told);
    return answer;
}

void Reconciler::verify_later(const Checkpoint& object, const std::string& archive) {
    if (settings_.verify == 0s)
        return;
    const bool added = parts_.later.add(
        [this, object, archive](const std::stop_token& stop) { verify(object, archive, stop); });
    if (!added)
        node::log(Level::warn, "an archive is not verified: too many wait for that",
                  {{"object", object.key.text()}, {"archive", archive}});
}

void Reconciler::verify(const Checkpoint& object, const std::string& archive, const std::stop_token& stop) {
    const auto node = node_of(object.status.node);
    const auto verified = node ? parts_.sidecar->verify_archive(*node, archive, settings_.verify, stop)
                               : std::unexpected(node.error());
    auto done = verified ? write_verdict(object.key, object.uid, archive, *verified)
                         : std::unexpected(verified.error());
    // Others write it too.
    for (int i = 0; verified && !done && i < 5 && parts_.attempts.pause(250ms); ++i)
        done = write_verdict(object.key, object.uid, archive, *verified);
    if (!done && !stop.stop_requested())
        node::log(Level::warn, "an archive is not verified",
                  {{"object", object.key.text()}, {"archive", archive}, {"error", done.error().text}});
}

Result<> Reconciler::write_verdict(const Key& key, const std::string& uid, const std::string& archive,
                                   const NodeVerified& verified) {
    const auto object = live(key);
    if (!object)
        return object.error().code == Errc::absent ? Result<>() : std::unexpected(object.error());
    Status status = object->status;
    if (object->uid != uid || object->deleted || status.archive != archive ||
        !write_verified(status, verified, time_now()))
        return {};
    TRY(patch_status(*object, status));
    if (!verified.faults.empty())
        post(*object, {{true, "ArchiveFaulty", "the archive " + archive + ": " + verified.faults}});
    return {};
}

// Room first, as for an attempt: what it has begun may go on.
Result<> Reconciler::begin_settling(const Checkpoint& object) {
    const std::string key = object.key.text();
    const std::string container = object.key.space + "/" + object.spec.pod + "/" + object.status.container;
    if (const auto again = parts_.attempts.reserve(key, object.created, container, object.status.node)) {
        parts_.queue.add_after(key, *again);
        return {};
    }
    parts_.attempts.start(key, [this, object] { settle(object); });
    return {};
}

void Reconciler::settle(const Checkpoint& object) {
    Told told;
    if (const auto answer = ask_afterwards(object, unheard(object), told))
        write_end(object, *answer, told);
}

// Nobody sees an archive. CRIU may be at work, or CRI-O packing.
Result<> Reconciler::may_still_come(const Checkpoint& object, const SidecarClient::Node& node) {
    constexpr auto until_it_begins = 1min;
    constexpr auto until_packed = 10min;
    const Attempt& attempt = *object.status.attempt;
    const Time started = read_time(attempt.start).value_or(object.created);
    const auto since = observe(object.key.text()).now - started;
    const auto record = parts_.sidecar->find_record(node, attempt.uid, started);
    if (!record && record.error().code != Errc::absent)
        return since < until_packed ? std::unexpected(record.error()) : Result<>();
    const bool at_work = record && (record->state == "intent" || record->outcome == "completed");
    if (since < (at_work ? until_packed : until_it_begins))
        return fail(Errc::busy, "its checkpoint may still be under way");
    return {};
}

Result<> Reconciler::remove_from_node(const Checkpoint& object) {
    TRY_ASSIGN(const auto node, node_of(object.status.node));
    const auto found = parts_.sidecar->find_archive(node, object.status.attempt->uid);
    const bool nowhere = !found && (found.error().code == Errc::absent || found.error().code == Errc::denied);
    if (!found && !nowhere)
        return std::unexpected(found.error());
    const std::string& path = found ? found->path : object.status.archive;
    if (path.empty())
        return may_still_come(object, node);
    auto removed = parts_.sidecar->delete_archive(node, path, found ? found->file_id : "");
    return !removed && removed.error().code == Errc::absent ? Result<>() : removed;
}

// Not of a dry run, and of no attempt that has ended without one.
static bool may_have_archive(const Checkpoint& object) {
    const Status& status = object.status;
    const bool open = status.phase == "Running" || status.reason == "OutcomeUnknown" ||
                      status.reason.starts_with("Archive");
    return !object.spec.dry_run && (open || !status.archive.empty());
}

Result<> Reconciler::remove_archive(const Checkpoint& object) {
    const Status& status = object.status;
    if (!status.attempt || status.node.empty() || !may_have_archive(object))
        return {};
    if (parts_.sidecar == nullptr) {
        if (!status.archive.empty())
            post(object,
                 {{true, "ArchiveLeft",
                   "the archive " + status.archive + " stays on node " + status.node +
                       ": only lpm-sidecar there could remove it, and controller.toml has no [sidecar]"}});
        return {};
    }
    // Few at a time: each waits for a node, and the others of these threads begin checkpoints.
    if (!removing_.try_acquire())
        return fail(Errc::busy, "other archives are removed just now");
    auto removed = remove_from_node(object);
    removing_.release();
    if (removed)
        return {};
    Error& error = removed.error();
    if (error.code == Errc::absent) { // the node, and whatever was on it
        post(object, {{true, "ArchiveLeft", error.text + ": an archive that it had is not removed"}});
        return {};
    }
    post(object, {{true, "ArchiveNotRemoved", error.text + "; the object goes when the archive is gone"}});
    return removed;
}

} // namespace lpm::controller
