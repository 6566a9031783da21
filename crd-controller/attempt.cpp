// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <thread>
#include <utility>

#include "node/log.hpp"
#include "reconcile.hpp"

// One attempt, in a thread of its own: the request to the kubelet, and what the object says afterwards.
namespace lpm::controller {

using namespace std::chrono_literals;
using node::Level;

Answer Reconciler::ask_kubelet(const Checkpoint& object, const Action::Target& target, Told& told) {
    const Asked asked{target.node, settings_.through_proxy};
    const auto began = std::chrono::steady_clock::now();
    const auto response =
        parts_.kubelets.checkpoint({target.node, object.key.space, target.pod, target.container,
                                    target.timeout, longest_wait(target.timeout)});
    told.kubelet_ms = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - began).count();
    return response ? read_answer(response->status, response->body, asked)
                    : no_answer(response.error(), asked);
}

void Reconciler::attempt(Checkpoint object, const Action::Target& target) {
    Told told;
    if (parts_.sidecar != nullptr)
        told.preflight = ask_beforehand(object, target);
    std::optional<Answer> answer = told.preflight ? told.preflight->end : std::nullopt;
    if (!answer)
        answer = ask_kubelet(object, target, told);
    if (told.preflight && told.preflight->prepared)
        answer = ask_afterwards(object, *answer, told);
    else if (told.preflight)
        told.unchecked = told.preflight->message;
    if (answer) // else the controller ends, and the next one asks
        write_end(std::move(object), *answer, told);
}

void Reconciler::write_end(Checkpoint object, const Answer& answer, const Told& told) {
    // Only we know it: it is written however long that takes.
    std::chrono::milliseconds pause = 250ms;
    std::vector<Event> events;
    const std::string uid = object.status.attempt ? object.status.attempt->uid : "";
    for (auto done = conclude_once(object, answer, told, events); !done;
         done = conclude_once(object, answer, told, events)) {
        node::log(Level::warn, "an answer is not written yet",
                  {{"object", object.key.text()}, {"answer", answer.reason}, {"error", done.error().text}});
        std::this_thread::sleep_for(pause);
        pause = std::min<std::chrono::milliseconds>(pause * 2, 15s);
        auto now = live(object.key);
        if (now)
            object = *std::move(now);
        else if (now.error().code == Errc::absent)
            break;
        if (object.status.phase != "Running" && object.status.attempt && object.status.attempt->uid == uid)
            break; // it was written after all, though we were not told
    }
    post(object, events);
    if (answer.kind == Answer::Kind::completed && told.archive && told.archive->state == "whole")
        verify_later(object, answer.archive);
}

// An error wants another try with the object as it is then.
Result<> Reconciler::conclude_once(Checkpoint& object, const Answer& answer, const Told& told,
                                   std::vector<Event>& events) {
    if (object.status.phase != "Running" || !object.status.attempt) {
        node::log(Level::warn, "somebody else has ended an attempt of ours",
                  {{"object", object.key.text()}, {"answer", answer.reason}, {"phase", object.status.phase}});
        events.clear();
        return {};
    }
    Observed observed = observe(object.key.text());
    TRY(look_at_pod(object, observed));
    Conclusion end = conclude(object, answer, observed.pod ? observed.pod->uid : "", observed, told);
    if (end.has_archive && object.deleted)
        end.status.content.clear(); // it would be removed at once
    if (end.has_archive && !object.deleted) {
        if (auto bound = bind_content(object, end.status); !bound) {
            const Errc code = bound.error().code;
            if (code != Errc::denied && code != Errc::invalid && code != Errc::exists && code != Errc::absent)
                return bound;
            end.status.content.clear(); // what no other try would cure: the archive is there all the same
            end.events.push_back({true, "ContentNotWritten", bound.error().text});
        }
    }
    events = std::move(end.events);
    auto written = patch_status(object, end.status);
    if (!written && written.error().code != Errc::absent)
        return std::unexpected(std::move(written).error());
    return {};
}

Result<> Reconciler::bind_content(const Checkpoint& object, const Status& status) {
    auto made = parts_.client.create(contents_path, content_of(object, status));
    if (!made && made.error().code == Errc::exists) {
        TRY_ASSIGN(const auto there,
                   parts_.client.get(std::string(contents_path) + "/" + content_name(object)));
        if (!is_content_of(there, object))
            return fail(Errc::exists,
                        "ContainerCheckpointContent " + content_name(object) + " is of another object");
    } else if (!made) {
        return std::unexpected(std::move(made).error());
    }
    // Also of one that is there: we may have made it and not heard of it.
    return make_ready(object, status.completion);
}

Result<> Reconciler::make_ready(const Checkpoint& object, const std::string& created) {
    const json::Value ready = {{"status", {{"ready", true}, {"message", "done"}, {"creationTime", created}}}};
    return parts_.client.patch(std::string(contents_path) + "/" + content_name(object) + "/status", ready);
}

} // namespace lpm::controller
