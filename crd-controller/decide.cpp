// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "decide.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace lpm::controller {

using namespace std::chrono_literals;
using Do = Action::Kind;

static constexpr std::int64_t memory_a_second = 100 << 20; // that a slow disk takes

std::int64_t time_limit(const Spec& spec, const Container* container) {
    static constexpr std::int64_t least = 120;
    static constexpr std::int64_t most = 3600;
    if (spec.timeout)
        return std::clamp<std::int64_t>(*spec.timeout, 1, most);
    if (container == nullptr || !container->memory_limit)
        return 600;
    const auto writing = static_cast<std::int64_t>(*container->memory_limit / memory_a_second);
    return std::clamp<std::int64_t>(60 + writing, least, most);
}

std::chrono::seconds longest_wait(std::int64_t timeout) {
    return std::max(std::chrono::seconds(timeout), 120s) + 15s;
}

static constexpr std::int64_t most_attempts = 1000; // after which pauses are as long as they get

std::chrono::seconds pause_after(std::int64_t attempts) {
    return attempts >= 5 ? 30s : std::chrono::seconds(2L << std::max<std::int64_t>(attempts - 1, 0));
}

std::string tried(std::int64_t attempts, std::int64_t seconds) {
    return "; " + std::to_string(attempts) + (attempts == 1 ? " attempt in " : " attempts in ") +
           std::to_string(seconds) + " s";
}

static Action wait_until(Time when) {
    return {.kind = Do::wait, .when = when};
}

// A status that says what the object waits for; nothing to write when it says so already.
static Action pending(const Checkpoint& object, const Observed& observed, std::string_view reason,
                      std::string_view message, Millis again) {
    Action action{.kind = Do::write, .when = observed.now + again, .status = object.status};
    Status& status = action.status;
    status.generation = object.generation;
    status.phase = "Pending";
    status.reason = reason;
    status.message = message;
    if (status.start.empty())
        status.start = write_seconds(observed.now);
    status.set_condition("Accepted", "True", "Accepted", "", observed.now);
    status.set_condition("Ready", "False", reason, message, observed.now);
    if (status == object.status)
        return wait_until(action.when);
    return action;
}

static Action refuse(const Checkpoint& object, const Observed& observed, std::string_view reason,
                     const std::string& message, bool accepted) {
    Action action{.kind = Do::write, .status = object.status};
    action.status.generation = object.generation;
    action.status.set_failed(reason, message, observed.now);
    if (accepted)
        action.status.set_condition("Accepted", "True", "Accepted", "", observed.now);
    else
        action.status.set_condition("Accepted", "False", reason, message, observed.now);
    action.events.push_back({true, std::string(reason), message});
    return action;
}

// When new attempts end. Time runs from when the object was accepted, not while nobody looked at it.
static Time deadline_of(const Checkpoint& object, const Container* container, Time now) {
    // A clock that was set back may not give it hours more: what is ahead of us counts from its creation.
    const Time start = read_time(object.status.start).value_or(now);
    return (start > now ? std::min(object.created, now) : start) +
           std::chrono::seconds(time_limit(object.spec, container));
}

static Action wait_for_pod(const Checkpoint& object, const Observed& observed, const Container* container,
                           std::string_view reason, std::string_view what, Millis again) {
    const Time deadline = deadline_of(object, container, observed.now);
    if (observed.now >= deadline)
        return refuse(object, observed, reason,
                      std::string(what) + ", and that did not change in " +
                          std::to_string(time_limit(object.spec, container)) +
                          " s; see `kubectl describe pod " + object.spec.pod +
                          "`, or give a longer timeoutSeconds",
                      true);
    return pending(object, observed, reason, what, std::min<Millis>(again, deadline - observed.now));
}

static std::string container_names(const Pod& pod) {
    static constexpr std::size_t enough = 20;
    std::string names;
    for (std::size_t i = 0; i < std::min(pod.containers.size(), enough); ++i)
        names += (names.empty() ? "" : ", ") + pod.containers[i].name;
    return pod.containers.size() > enough ? names + ", ..." : names;
}

static std::string place_of(const Checkpoint& object) {
    return "pod " + object.key.space + "/" + object.spec.pod;
}

static Status started_status(const Checkpoint& object, const Observed& observed, const Container& container) {
    Status status = object.status;
    status.generation = object.generation;
    status.phase = "Running";
    status.reason = "CheckpointRunning";
    status.message = "checkpointing container " + container.name;
    status.ready = false;
    if (status.start.empty())
        status.start = write_seconds(observed.now);
    status.node = observed.pod->node;
    status.pod_uid = observed.pod->uid;
    status.container = container.name;
    status.container_id = container.id;
    status.image = container.image;
    status.image_digest = container.image_digest;
    status.checks.clear();
    status.record.clear();
    status.log_excerpt.clear();
    for (auto* known : {&status.size, &status.checkpoint_ms, &status.frozen_ms, &status.dump_ms})
        known->reset();
    const std::int64_t number = status.attempt ? status.attempt->number + 1 : 1;
    status.attempt = Attempt{observed.fresh_uid, number, observed.holder, write_time(observed.now), {}};
    status.queued_ms = std::max<std::int64_t>(0, (observed.now - object.created).count());
    status.set_condition("Accepted", "True", "Accepted", "", observed.now);
    if (observed.sidecar)
        status.set_condition("PreflightPassed", "Unknown", "CheckpointRunning",
                             "what lpm-sidecar of the node says is written when the attempt has ended",
                             observed.now);
    else
        status.set_condition("PreflightPassed", "Unknown", "NoSidecar",
                             "nobody on the node looks at the container beforehand", observed.now);
    status.set_condition("Ready", "False", "CheckpointRunning", status.message, observed.now);
    return status;
}

// Seconds that the container is expected to stand still, from the most that there may be to write.
static std::int64_t stand_still(const Container& container) {
    return container.memory_limit ? 2 + static_cast<std::int64_t>(*container.memory_limit / memory_a_second)
                                  : 10;
}

static Action start(const Checkpoint& object, const Observed& observed, const Choice& choice) {
    const Container& container = *choice.container;
    Action action{.kind = Do::start, .status = started_status(object, observed, container)};
    action.target = {observed.pod->node, object.spec.pod, container.name,
                     time_limit(object.spec, &container)};
    if (action.status.attempt->number > 1)
        return action;
    if (choice.by_image)
        action.events.push_back({true, "ContainerNameByImage",
                                 "no container of " + place_of(object) + " is named " +
                                     object.spec.container + "; its only one, " + container.name +
                                     ", runs an image of that name and is taken: "
                                     "name it in containerName"});
    if (container.patience && *container.patience <= stand_still(container))
        action.events.push_back({true, "LivenessProbeTight",
                                 "the liveness probe of " + container.name + " gives up after " +
                                     std::to_string(*container.patience) +
                                     " s, and the checkpoint may take " +
                                     std::to_string(stand_still(container)) +
                                     " s: the kubelet may restart it; raise "
                                     "failureThreshold or periodSeconds"});
    action.events.push_back(
        {false, "CheckpointStarted",
         action.status.message + " of " + place_of(object) + " on " + observed.pod->node});
    return action;
}

// Of an object whose pod is known.
static Action decide_by_pod(const Checkpoint& object, const Observed& observed) {
    if (!observed.pod)
        return refuse(object, observed, "PodNotFound", place_of(object) + ": pod not found", false);
    const Pod& pod = *observed.pod;
    if (!object.status.pod_uid.empty() && object.status.pod_uid != pod.uid)
        return refuse(object, observed, "PodReplaced",
                      place_of(object) + " is another one than at the first attempt", true);
    const Choice choice = choose_container(pod, object.spec.container);
    const Container* container = choice.container;
    if (container == nullptr)
        return refuse(object, observed, "ContainerNotFound",
                      "container not found in pod: " + place_of(object) + " has no container " +
                          object.spec.container + "; it has " + container_names(pod),
                      false);
    if (pod.has_ended() || pod.deleted)
        return refuse(object, observed, "PodNotRunning",
                      "pod not running: " + place_of(object) +
                          (pod.deleted ? " is being deleted" : " has ended"),
                      true);
    // Pods are asked for, not watched: less often the longer it takes.
    const auto patience = std::clamp<Millis>((observed.now - object.created) / 10, 1s, 10s);
    if (pod.node.empty())
        return wait_for_pod(object, observed, container, "PodNotRunning",
                            "pod not running: it is on no node yet", patience);
    if (!container->running)
        return wait_for_pod(object, observed, container, "ContainerNotRunning",
                            "container " + container->name +
                                (container->ended ? " has ended" : " does not run") +
                                (container->waiting.empty() ? "" : " (" + container->waiting + ")"),
                            patience);
    if (object.status.attempt && observed.now >= deadline_of(object, container, observed.now))
        return refuse(object, observed, object.status.reason,
                      object.status.message +
                          tried(object.status.attempt->number, time_limit(object.spec, container)),
                      true);
    if (!observed.has_room && object.status.attempt) // why it was refused is worth more than that it waits
        return wait_until(observed.now + observed.room_in);
    if (!observed.has_room)
        return wait_for_pod(object, observed, container, "CheckpointQueued",
                            "waits for other checkpoints of its container or node", observed.room_in);
    return start(object, observed, choice);
}

static constexpr std::int64_t longest_life = 100L * 365 * 86400; // seconds: as good as for ever

static Action decide_finished(const Checkpoint& object, const Observed& observed) {
    if (!object.spec.ttl)
        return {};
    const auto ended = read_time(object.status.completion);
    const Time until =
        ended.value_or(observed.now) + std::chrono::seconds(std::min(*object.spec.ttl, longest_life));
    return observed.now >= until ? Action{.kind = Do::remove} : wait_until(until);
}

// Running, and no request of ours: a controller before us has sent one, or was about to. The content is
// written before the status, so where there is one the answer is known.
static Action settle(const Checkpoint& object, const Observed& observed) {
    if (!observed.content_known)
        return {.kind = Do::look};
    if (!observed.archive.empty()) {
        Conclusion end = conclude(object, {Answer::Kind::completed, "", "", observed.archive}, "", observed);
        return {.kind = Do::write, .status = std::move(end.status), .events = std::move(end.events)};
    }
    if (observed.sidecar && object.status.attempt)
        return {.kind = Do::settle};
    const Answer answer = unheard(object);
    return refuse(object, observed, answer.reason, answer.message, true);
}

Answer unheard(const Checkpoint& object) {
    Answer answer;
    answer.reason = "OutcomeUnknown";
    answer.message = "the controller that sent the request (" +
                     (object.status.attempt ? object.status.attempt->holder : std::string("unknown")) +
                     ") ended before its answer: whether a checkpoint was taken is not known; look on node " +
                     object.status.node +
                     " in the kubelet's folder checkpoints and in /var/lib/lpm/records, and "
                     "make a new ContainerCheckpoint for another attempt";
    return answer;
}

Action decide(const Checkpoint& object, const Observed& observed) {
    if (observed.under_way)
        return {};
    if (object.deleted)
        return object.has_finalizer() ? Action{.kind = Do::clean} : Action{};
    if (object.status.is_finished())
        return decide_finished(object, observed);
    if (object.status.phase == "Running" && !object.spec.dry_run) // which may be made a second time
        return settle(object, observed);
    if (!observed.sidecar && (!object.spec.options.empty() || object.spec.dry_run))
        return refuse(object, observed, "NoSidecar",
                      std::string(object.spec.dry_run ? "dryRun" : "options") +
                          ": only lpm-sidecar on the node can do this, and controller.toml has no [sidecar]; "
                          "leave the field out",
                      false);
    if (observed.crd_too_old)
        return refuse(object, observed, "CrdTooOld",
                      "the installed ContainerCheckpoint has no status.attempt, without which a second "
                      "request could be "
                      "sent for one attempt: kubectl apply -f deploy/crd.yaml",
                      true);
    if (object.status.attempt) {
        const auto next = read_time(object.status.attempt->not_before);
        // Later than any pause: the clock was set back.
        if (next && observed.now < *next && *next - observed.now <= pause_after(most_attempts))
            return wait_until(*next);
    }
    if (!observed.pod_known)
        return {.kind = Do::look};
    if (!observed.pod_denied.empty())
        return wait_for_pod(object, observed, nullptr, "PodUnreadable", observed.pod_denied, 10s);
    return decide_by_pod(object, observed);
}

} // namespace lpm::controller
