// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "restore_reporter.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "loop/worker.hpp"
#include "node/log.hpp"

namespace lpm::controller {

using node::Level;

static std::string key_of_object(const json::Value& object) {
    return json::text_or_empty(object, "metadata.namespace") + "/" +
           json::text_or_empty(object, "metadata.name");
}

// What a pod asks to be restored from is its author's word, and may be no name.
static bool is_name(std::string_view name) {
    return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    });
}

RestoreReporter::RestoreReporter(Parts parts)
    : parts_(parts), pods_(parts.client, "/api/v1/pods", kube::Client::Depth::metadata) {}

void RestoreReporter::follow() {
    const auto look_again = [this](const json::Value& pod) {
        if (asks_for_restore(pod))
            queue_.add(key_of_object(pod));
    };
    pods_.follow({.list_begins = [] {},
                  .set = look_again,
                  .removed = look_again,
                  .list_ended =
                      [this] { // some may be gone
                          const std::lock_guard lock(mutex_);
                          for (const auto& [key, known] : known_)
                              queue_.add(key);
                      },
                  .failed =
                      [](const Error& error) {
                          node::log(Level::warn, "pods are not followed just now", {{"error", error.text}});
                      }});
}

void RestoreReporter::start(std::vector<std::jthread>& threads) {
    constexpr int at_a_time = 2; // each may wait for a node that does not answer
    if (parts_.sidecar == nullptr)
        return;
    follow();
    threads.emplace_back([this](const std::stop_token& stop) { pods_.run(stop); });
    for (int i = 0; i < at_a_time; ++i)
        threads.emplace_back([this](const std::stop_token& stop) {
            work_on(
                queue_, [this](const std::string& key) { return look(key); },
                [](const std::string& key, const Result<>& done, double) {
                    if (!done && done.error().code != Errc::busy && done.error().code != Errc::absent)
                        node::log(Level::warn, "a pod's restore is not told of yet",
                                  {{"pod", key}, {"error", done.error().text}});
                },
                stop);
        });
}

RestoreReporter::Known RestoreReporter::known_of(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto at = known_.find(key);
    return at == known_.end() ? Known{} : at->second;
}

void RestoreReporter::know(const std::string& key, Known known) {
    const std::lock_guard lock(mutex_);
    known_[key] = std::move(known);
}

Result<> RestoreReporter::look(const std::string& name) {
    const Key key = key_of(name);
    const auto found = parts_.client.get("/api/v1/namespaces/" + key.space + "/pods/" + key.name);
    if (!found && found.error().code == Errc::absent) {
        const std::lock_guard lock(mutex_);
        known_.erase(name);
        return {};
    }
    if (!found)
        return std::unexpected(found.error());
    TRY_ASSIGN(const Pod pod, read_pod(*found));
    const RestoreStates states = restore_states(pod);
    Known known = known_of(name);
    if (known.uid != pod.uid)
        known = {.uid = pod.uid, .looked = pod.created.value_or(Time{})};
    RestoreStates fresh;
    std::ranges::set_difference(states, known.states, std::inserter(fresh, fresh.end()));
    auto done = fresh.empty() || pod.node.empty() ? Result<>() : report(key, pod, fresh, known);
    if (done)
        known.states = states;
    know(name, std::move(known));
    return done;
}

Result<> RestoreReporter::report(const Key& key, const Pod& pod, const RestoreStates& fresh, Known& known) {
    const Time now = time_now();
    auto host = parts_.kubelets.host_of(pod.node);
    if (!host) // absent: the node is gone, and its records are
        return host.error().code == Errc::absent ? Result<>() : std::unexpected(std::move(host).error());
    TRY_ASSIGN(const auto records,
               parts_.sidecar->list_restores({pod.node, *std::move(host)}, pod.uid, known.looked));
    const RestoreReport report = report_restores(key, pod, fresh, records, now);
    post(key, pod, report.events, known);
    for (const auto& one : report.restores)
        TRY(write(one));
    known.looked = now;
    return {};
}

void RestoreReporter::post(const Key& key, const Pod& pod, const std::vector<RestoreReport::OfPod>& events,
                           Known& known) {
    const auto told = std::exchange(known.told, {});
    for (const auto& [event, same, when] : events) {
        const std::string what = event.reason + "\n" + same;
        known.told.insert(what);
        if (told.contains(what))
            continue;
        parts_.events.post_of_pod(key, pod.uid, event, what, when);
        node::log(event.warning ? Level::warn : Level::info, "restore",
                  {{"pod", key.text()}, {"uid", pod.uid}, {"reason", event.reason}, {"note", event.note}});
    }
}

// Errc::busy: somebody has changed the object meanwhile.
Result<> RestoreReporter::write(const RestoreReport::OfCheckpoint& one) {
    if (!is_name(one.key.name) || std::ranges::contains(parts_.schema.missing(), "restores"))
        return {};
    const std::string path = "/apis/" + std::string(group_version) + "/namespaces/" + one.key.space +
                             "/containercheckpoints/" + one.key.name;
    const auto found = parts_.client.get(path);
    if (!found)
        return found.error().code == Errc::absent ? Result<>() : std::unexpected(found.error());
    TRY_ASSIGN(const Checkpoint object, read_checkpoint(*found));
    Status status = object.status;
    if ((!one.uid.empty() && one.uid != object.uid) || !add_restore(status.restores, one.restore))
        return {};
    return parts_.client.patch(path + "/status", status_patch(object, status));
}

} // namespace lpm::controller
