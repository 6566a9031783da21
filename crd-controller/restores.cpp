// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "restores.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

namespace lpm::controller {

using namespace std::chrono_literals;

static constexpr std::size_t most_restores = 10;
// An Event lives so long by default. Of what is older the record may be gone, and nothing can be said.
static constexpr auto told_for = 1h;

// Why a container waits of which the runtime was asked already.
static bool was_tried(const Container& container) {
    static constexpr std::array<std::string_view, 3> words{"CreateContainerError", "RunContainerError",
                                                           "CrashLoopBackOff"};
    return std::ranges::contains(words, container.waiting);
}

static const Container* find_container(const Pod& pod, std::string_view name) {
    const auto at = std::ranges::find(pod.containers, name, &Container::name);
    return at == pod.containers.end() ? nullptr : &*at;
}

RestoreStates restore_states(const Pod& pod) {
    RestoreStates states;
    for (const Container& one : pod.containers) {
        if (!pod.restores.contains(one.name))
            continue;
        if (was_tried(one))
            states[one.name] = one.id + "/" + one.waiting;
        else if ((one.running || one.ended) && !one.id.empty())
            states[one.name] = one.id;
    }
    for (const auto& [name, source] : pod.restores)
        if (!pod.node.empty() && find_container(pod, name) == nullptr)
            states[name] = "no such container";
    return states;
}

static Restore entry_of(const Key& key, const Pod& pod, const RestoreRecord& record, Time now) {
    return {key.name,
            pod.uid,
            record.container,
            pod.node,
            write_seconds(record.ended.value_or(now)),
            record.id,
            record.outcome,
            record.outcome == "completed" ? "" : record.code};
}

// Which object to tell of it. Nobody's: the archive was not made for one, or for one of another namespace,
// which is told nothing of this pod.
static std::optional<std::pair<Key, std::string>> object_of(const Key& pod, const std::string& source,
                                                            const RestoreRecord& record) {
    if (!record.object_name.empty())
        return record.object_space == pod.space
                   ? std::optional(std::pair(Key{pod.space, record.object_name}, record.object_uid))
                   : std::nullopt;
    if (source.ends_with(".tar")) // an archive's file
        return std::nullopt;
    return std::pair(Key{pod.space, source}, std::string());
}

// Nothing: of a container that was not started the kubelet tells, and of those before the last one nobody has
// to.
static std::optional<Event> event_of(const Container& container, const std::string& source,
                                     const RestoreRecord& record) {
    const std::string who = "container " + container.name;
    if (record.container_id.empty() ||
        (record.container_id != container.id && record.container_id != container.last_id))
        return std::nullopt;
    if (record.outcome == "completed")
        return Event{false, "Restored", who + " goes on from " + source + " (record " + record.id + ")"};
    return Event{true, record.code.empty() ? "RestoreRefused" : record.code,
                 who + " was started anew, not from " + source + ": " + record.message};
}

static Event skipped(const Pod& pod, const Container& container, const std::string& source) {
    return {true, "RestoreSkipped",
            "container " + container.name + " was started anew, not from " + source + ": node " + pod.node +
                " has not tried it. at_create of [restore] is not set in its lpm.toml, or lpm was bypassed; "
                "`lpmctl doctor` on the node says more"};
}

// An annotation that names no container is nobody's on the node.
static Event misnamed(const Pod& pod, const std::string& name, const std::string& source) {
    std::string names;
    for (const Container& one : pod.containers)
        if (one.kind != Container::Kind::ephemeral)
            names += (names.empty() ? "" : ", ") + one.name;
    return {true, "RestoreSkipped",
            "no container is called " + name + ", which the annotation lpm.my.domain/restore-from." + name +
                " asks to be restored from " + source + ": the pod has " + names};
}

RestoreReport report_restores(const Key& key, const Pod& pod, const RestoreStates& fresh,
                              const std::vector<RestoreRecord>& records, Time now) {
    RestoreReport report;
    for (const RestoreRecord& record : records) {
        const auto source = pod.restores.find(record.container);
        const Container* container = find_container(pod, record.container);
        if (source == pod.restores.end() || container == nullptr || record.state != "final")
            continue;
        if (auto event = event_of(*container, source->second, record)) {
            std::string same = event->warning ? container->name : record.id;
            report.events.push_back({*std::move(event), std::move(same), record.ended.value_or(now)});
        }
        if (auto object = object_of(key, source->second, record))
            report.restores.push_back(
                {std::move(object->first), std::move(object->second), entry_of(key, pod, record, now)});
    }
    for (const auto& [name, state] : fresh) {
        const Container* container = find_container(pod, name);
        const auto source = pod.restores.find(name);
        if (source == pod.restores.end())
            continue;
        if (container == nullptr) {
            report.events.push_back({misnamed(pod, name, source->second), name, pod.created.value_or(now)});
            continue;
        }
        if (!container->running || now - container->started.value_or(Time{}) > told_for ||
            std::ranges::contains(records, container->id, &RestoreRecord::container_id))
            continue;
        report.events.push_back(
            {skipped(pod, *container, source->second), container->name, container->started.value_or(now)});
    }
    return report;
}

bool add_restore(std::vector<Restore>& restores, const Restore& one) {
    const auto is_same = [&](const Restore& other) {
        return other.record == one.record || (one.outcome != "completed" && other.pod_uid == one.pod_uid &&
                                              other.container == one.container &&
                                              other.outcome == one.outcome && other.reason == one.reason);
    };
    if (std::ranges::any_of(restores, is_same))
        return false;
    // Ids of records are in the order of their beginnings.
    const auto at = std::ranges::lower_bound(restores, one.record, std::greater{}, &Restore::record);
    if (static_cast<std::size_t>(at - restores.begin()) >= most_restores)
        return false;
    restores.insert(at, one);
    restores.resize(std::min(restores.size(), most_restores));
    return true;
}

} // namespace lpm::controller
