// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "answer.hpp"
#include "api/checkpoint.hpp"
#include "api/pod.hpp"
#include "told.hpp"

// What to do about an object. Pure: nothing here reads, waits or writes.
namespace lpm::controller {

struct Event {
    bool warning = false;
    std::string reason;
    std::string note;
};

// What the controller knows beside the object.
struct Observed {
    Time now{};
    std::string holder;                // who we are, in status.attempt.holder
    std::string success = "Completed"; // the phase of success
    std::string fresh_uid;             // for an attempt, if one begins
    bool sidecar = false;              // lpm-sidecar of the node can be asked
    bool under_way = false;            // a request of ours for this object has not been answered yet
    bool has_room = true;     // no other checkpoint of the container, and not too many on the node and in all
    Millis room_in{1000};     // when there may be
    bool crd_too_old = false; // the installed CRD lacks fields without which a second request could be sent
    // Of an object that says Running though nobody of us asks for it: its content was asked for, and names an
    // archive.
    bool content_known = false;
    std::string archive;
    bool pod_known = false; // `pod` was asked for
    std::string pod_denied; // why it may not be read
    std::optional<Pod> pod; // nothing: there is none
};

struct Action {
    enum class Kind {
        none,   // until it changes
        wait,   // until `when`
        look,   // Observed::pod is needed, or of one that says Running its content
        write,  // `status`
        start,  // `status`, and if that is taken the request to `target`
        settle, // ask the node what became of the attempt
        remove, // the object has had its time
        clean,  // it is being deleted: remove what belongs to it, then our finalizer
    };
    struct Target {
        std::string node;
        std::string pod;
        std::string container;
        std::int64_t timeout = 0; // seconds, as the kubelet is told
    };
    Kind kind = Kind::none;
    Time when{};
    Status status{};
    Target target{};
    std::vector<Event> events{};
};

[[nodiscard]] Action decide(const Checkpoint& object, const Observed& observed);

// Of an object that says Running, whose answer nobody will hear any more.
[[nodiscard]] Answer unheard(const Checkpoint& object);

// What the object says once its request has been answered. `pod_uid`: of the pod as it is now; empty: not
// known. `told`: by the node, beside that answer.
struct Conclusion {
    Status status;
    bool has_archive = false; // it gets a ContainerCheckpointContent
    std::vector<Event> events{};
};
[[nodiscard]] Conclusion conclude(const Checkpoint& object, const Answer& answer, std::string_view pod_uid,
                                  const Observed& observed, const Told& told = {});

// How long new attempts may begin, and what the kubelet is told. Seconds.
[[nodiscard]] std::int64_t time_limit(const Spec& spec, const Container* container);
// "; 3 attempts in 60 s", for the end of a message.
[[nodiscard]] std::string tried(std::int64_t attempts, std::int64_t seconds);
// How long an answer is awaited: the kubelet raises what it is told to its own two minutes
// (remote_runtime.go).
[[nodiscard]] std::chrono::seconds longest_wait(std::int64_t timeout);
// Between a refusal that may pass and the next attempt: each freezes the container. 2 s, doubled up to 30 s.
[[nodiscard]] std::chrono::seconds pause_after(std::int64_t attempts);

} // namespace lpm::controller
