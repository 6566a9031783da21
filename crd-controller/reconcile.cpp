// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "reconcile.hpp"

#include <array>
#include <cstdio>
#include <thread>
#include <utility>

#include "base/random.hpp"
#include "node/log.hpp"

namespace lpm::controller {

using namespace std::chrono_literals;
using Do = Action::Kind;
using node::Level;

static std::string path_of(const Key& key) {
    return "/apis/lpm.my.domain/v1/namespaces/" + key.space + "/containercheckpoints/" + key.name;
}

// Version 4.
static std::string random_uid() {
    const auto [a, b, c, d] = random_bytes<std::array<std::uint32_t, 4>>();
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%08x-%04x-4%03x-%04x-%04x%08x", a, b >> 16, b & 0xfffU,
                  (c >> 16 & 0x3fffU) | 0x8000U, c & 0xffffU, d);
    return text.data();
}

Reconciler::Reconciler(Parts parts, Settings settings) : parts_(parts), settings_(std::move(settings)) {}

Observed Reconciler::observe(const std::string& key) const {
    Observed observed;
    observed.now = time_now();
    observed.holder = settings_.holder;
    observed.success = settings_.success;
    observed.fresh_uid = random_uid();
    observed.sidecar = parts_.sidecar != nullptr;
    observed.under_way = parts_.attempts.has(key);
    observed.crd_too_old = parts_.schema.is_too_old();
    return observed;
}

Result<> Reconciler::look_at_pod(const Checkpoint& object, Observed& observed) {
    const auto found =
        parts_.client.get("/api/v1/namespaces/" + object.key.space + "/pods/" + object.spec.pod);
    if (found) {
        TRY_ASSIGN(observed.pod, read_pod(*found));
    } else if (found.error().code == Errc::denied) {
        observed.pod_denied = found.error().text;
    } else if (found.error().code != Errc::absent) {
        return std::unexpected(found.error());
    }
    observed.pod_known = true;
    return {};
}

Result<> Reconciler::look_at_content(const Checkpoint& object, Observed& observed) {
    static constexpr std::string_view scheme = "file://";
    const auto found = parts_.client.get(std::string(contents_path) + "/" + content_name(object));
    if (found && is_content_of(*found, object)) {
        if (!json::is_true(*found, "status.ready")) // what comes between the content and this object's status
            TRY(make_ready(object, write_seconds(observed.now)));
        if (const std::string uri = json::text_or_empty(*found, "spec.artifactURI"); uri.starts_with(scheme))
            observed.archive = uri.substr(scheme.size());
    } else if (!found && found.error().code != Errc::absent) {
        return std::unexpected(found.error());
    }
    observed.content_known = true;
    return {};
}

Result<> Reconciler::reconcile(const std::string& name) {
    const Key key = key_of(name);
    if (const auto finished = parts_.store.find_finished(key)) {
        parts_.attempts.forget(name);
        return reconcile_finished(key, *finished);
    }
    const auto object = parts_.store.find(key);
    if (!object) {
        parts_.attempts.forget(name);
        return {};
    }
    Observed observed = observe(name);
    Action action = decide(*object, observed);
    if (action.kind == Do::look) {
        TRY(object->status.phase == "Running" ? look_at_content(*object, observed)
                                              : look_at_pod(*object, observed));
        action = decide(*object, observed);
    }
    if (action.kind != Do::start && action.kind != Do::settle)
        parts_.attempts.forget(name);
    return act(*object, observed, action);
}

Result<> Reconciler::reconcile_finished(const Key& key, const Store::Finished& finished) {
    Checkpoint object;
    object.key = key;
    object.uid = finished.uid;
    object.spec.ttl = finished.ttl;
    object.status.phase = "Completed";
    object.status.completion = write_time(finished.ended);
    const Action action = decide(object, observe(key.text()));
    if (action.kind == Do::remove)
        TRY(remove(key, finished.uid));
    else if (action.kind == Do::wait)
        parts_.queue.add_after(key.text(), action.when - time_now() + 10ms);
    if (action.kind != Do::remove && finished.lacks_finalizer)
        TRY(hold(key));
    for (const auto& [other, uid] : parts_.store.surplus(key, settings_.keep))
        TRY(remove(other, uid));
    return {};
}

// An object whose deletionPolicy is Delete goes when what belongs to it is gone.
Result<> Reconciler::hold(const Key& key) {
    const auto object = live(key);
    if (!object)
        return object.error().code == Errc::absent ? Result<>() : std::unexpected(object.error());
    if (object->deleted || object->has_finalizer() || !object->spec.remove_archive)
        return {};
    const auto held = patch_finalizer(*object, true);
    if (!held && held.error().code != Errc::absent)
        return std::unexpected(held.error());
    return {};
}

Result<> Reconciler::act(const Checkpoint& object, Observed& observed, const Action& action) {
    switch (action.kind) {
    case Do::none:
    case Do::look:
        return {};
    case Do::wait:
        parts_.queue.add_after(object.key.text(), action.when - observed.now + 10ms);
        return {};
    case Do::write:
        return write(object, action);
    case Do::start:
        return start(object, observed, action);
    case Do::settle:
        return begin_settling(object);
    case Do::remove:
        return remove(object.key, object.uid);
    case Do::clean:
        return clean(object.key);
    }
    return {};
}

void Reconciler::post(const Checkpoint& object, const std::vector<Event>& events) {
    for (const Event& event : events) {
        parts_.events.post(object.key, object.uid, event);
        node::log(event.warning ? Level::warn : Level::info, "checkpoint",
                  {{"object", object.key.text()},
                   {"uid", object.uid},
                   {"reason", event.reason},
                   {"note", event.note}});
    }
}

Result<Checkpoint> Reconciler::patch_status(const Checkpoint& object, Status status) {
    const auto missing = parts_.schema.missing();
    if (!missing.empty())
        status.set_condition("SchemaCurrent", "False", "FieldsMissing",
                             "the installed ContainerCheckpoint has no " + names_of(missing) +
                                 ": kubectl apply -f deploy/crd.yaml",
                             time_now());
    else
        std::erase_if(status.conditions, [](const Condition& one) { return one.type == "SchemaCurrent"; });
    json::Value patch = status_patch(object, status);
    drop_fields(patch, missing);
    const auto written = parts_.client.patch_and_read(path_of(object.key) + "/status", patch);
    if (!written)
        return std::unexpected(written.error());
    TRY_ASSIGN(Checkpoint read, read_checkpoint(*written));
    parts_.store.update(read);
    return read;
}

Result<Checkpoint> Reconciler::patch_finalizer(const Checkpoint& object, bool has) {
    TRY_ASSIGN(const auto patched,
               parts_.client.patch_and_read(path_of(object.key), finalizers_patch(object, has)));
    return read_checkpoint(patched);
}

Result<Checkpoint> Reconciler::live(const Key& key) {
    TRY_ASSIGN(const auto object, parts_.client.get(path_of(key)));
    return read_checkpoint(object);
}

// An API server that has just broken a connection may be starting again.
Result<Checkpoint> Reconciler::live_in_the_end(const Key& key) {
    auto object = live(key);
    for (auto pause = 250ms; !object && pause <= 8s; pause *= 2) {
        if (object.error().code != Errc::unavailable && object.error().code != Errc::io)
            break;
        std::this_thread::sleep_for(pause);
        object = live(key);
    }
    return object;
}

Result<> Reconciler::write(const Checkpoint& object, const Action& action) {
    TRY_ASSIGN(const Checkpoint written, patch_status(object, action.status));
    post(written, action.events);
    if (!written.status.is_finished() || written.spec.ttl)
        parts_.queue.add_after(object.key.text(), std::max<Millis>(action.when - time_now(), 0ms));
    return {};
}

// With the finalizer, before there is anything to clean.
Result<Checkpoint> Reconciler::held_status(const Checkpoint& object, const Status& status) {
    if (object.has_finalizer())
        return patch_status(object, status);
    TRY_ASSIGN(const Checkpoint held, patch_finalizer(object, true));
    return patch_status(held, status);
}

// Room first, then the object says that it runs, and only who could write that sends the request.
Result<> Reconciler::start(const Checkpoint& object, Observed& observed, const Action& action) {
    const std::string key = object.key.text();
    const std::string container = object.key.space + "/" + object.spec.pod + "/" + action.target.container;
    if (const auto again = parts_.attempts.reserve(key, object.created, container, action.target.node)) {
        observed.has_room = false;
        observed.room_in = *again;
        return act(object, observed, decide(object, observed));
    }
    auto written =
        object.spec.remove_archive ? held_status(object, action.status) : patch_status(object, action.status);
    if (!written && written.error().code != Errc::denied && written.error().code != Errc::invalid) {
        // It may have been written, and so may what then met itself when libcurl sent it again: it is ours to
        // go on with.
        if (auto now = live_in_the_end(object.key); now && now->status.phase == "Running" &&
                                                    now->status.attempt &&
                                                    now->status.attempt->uid == observed.fresh_uid)
            written = std::move(now);
    }
    if (!written) {
        parts_.attempts.release(key);
        return std::unexpected(std::move(written).error());
    }
    post(*written, action.events);
    parts_.attempts.start(
        key, [this, key, object = *std::move(written), target = action.target] { attempt(object, target); });
    return {};
}

Result<> Reconciler::remove(const Key& key, const std::string& uid) {
    const auto removed = parts_.client.remove(path_of(key), uid);
    if (!removed && removed.error().code != Errc::absent &&
        removed.error().code != Errc::busy) // busy: another uid
        return std::unexpected(removed.error());
    node::log(Level::info, "removed", {{"object", key.text()}, {"uid", uid}});
    return {};
}

Result<> Reconciler::remove_content(const Checkpoint& object) {
    const std::string path = std::string(contents_path) + "/" + content_name(object);
    const auto content = parts_.client.get(path);
    if (!content)
        return content.error().code == Errc::absent ? Result<>() : std::unexpected(content.error());
    if (!is_content_of(*content, object))
        return {};
    auto done = parts_.client.remove(path, json::text_or_empty(*content, "metadata.uid"));
    return !done && done.error().code == Errc::absent ? Result<>() : done;
}

Result<> Reconciler::clean(const Key& key) {
    const auto object = live(key);
    if (!object && object.error().code == Errc::absent)
        return {};
    if (!object)
        return std::unexpected(object.error());
    if (object->spec.remove_archive) { // else it was asked for once, and is not any more
        TRY(remove_archive(*object));
        TRY(remove_content(*object)); // last: it tells where the archive is
    }
    const auto freed = patch_finalizer(*object, false);
    if (!freed && freed.error().code != Errc::absent)
        return std::unexpected(freed.error());
    return {};
}

} // namespace lpm::controller
