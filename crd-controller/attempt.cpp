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

void Reconciler::attempt(Checkpoint object, const Action::Target& target) {
    const Asked asked{target.node, settings_.through_proxy};
    const auto response =
        parts_.kubelets.checkpoint({target.node, object.key.space, target.pod, target.container,
                                    target.timeout, longest_wait(target.timeout)});
    const Answer answer =
        response ? read_answer(response->status, response->body, asked) : no_answer(response.error(), asked);
    // Only we know it: it is written however long that takes.
    std::chrono::milliseconds pause = 250ms;
    std::vector<Event> events;
    const std::string uid = object.status.attempt ? object.status.attempt->uid : "";
    for (auto done = conclude_once(object, answer, events); !done;
         done = conclude_once(object, answer, events)) {
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
}

// An error wants another try with the object as it is then.
Result<> Reconciler::conclude_once(Checkpoint& object, const Answer& answer, std::vector<Event>& events) {
    if (object.status.phase != "Running" || !object.status.attempt ||
        object.status.attempt->holder != settings_.holder) {
        node::log(Level::warn, "somebody else has ended an attempt of ours",
                  {{"object", object.key.text()}, {"answer", answer.reason}, {"phase", object.status.phase}});
        events.clear();
        return {};
    }
    Observed observed = observe(object.key.text());
    TRY(look_at_pod(object, observed));
    Conclusion end = conclude(object, answer, observed.pod ? observed.pod->uid : "", observed);
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
