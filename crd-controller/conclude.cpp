// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "decide.hpp"

namespace lpm::controller {

using Kind = Answer::Kind;

static void complete(Conclusion& out, const Checkpoint& object, const Answer& answer,
                     const Observed& observed, const Told& told) {
    Status& status = out.status;
    out.has_archive = true;
    status.phase = observed.success;
    status.reason = "CheckpointCompleted";
    status.message = "done";
    status.ready = true;
    status.archive = answer.archive;
    status.content = content_name(object);
    status.completion = write_seconds(observed.now);
    status.set_condition("Ready", "True", "CheckpointCompleted", told.unchecked, observed.now);
    out.events.push_back({false, "CheckpointCompleted", "archive " + answer.archive + " on " + status.node});
}

// Nothing was wanted but the checks.
static void end_checked(Conclusion& out, const Answer& answer, const Observed& observed) {
    Status& status = out.status;
    status.set_failed(answer.reason, answer.message, observed.now);
    status.phase = observed.success;
    out.events.push_back({false, answer.reason, answer.message});
}

static void end(Conclusion& out, std::string_view reason, const std::string& message,
                const Observed& observed) {
    out.status.set_failed(reason, message, observed.now);
    out.events.push_back({true, std::string(reason), message});
}

static void try_again(Conclusion& out, const Checkpoint& object, const Answer& answer,
                      const Observed& observed) {
    Status& status = out.status;
    const Time next = observed.now + pause_after(status.attempt->number);
    const auto began = read_time(status.start).value_or(observed.now);
    // What the container's limit would make of it is not known here; decide looks again before the next
    // attempt.
    if (object.spec.timeout && next >= began + std::chrono::seconds(*object.spec.timeout)) {
        end(out, answer.reason, answer.message + tried(status.attempt->number, *object.spec.timeout),
            observed);
        return;
    }
    status.phase = "Pending";
    status.reason = answer.reason;
    status.message = answer.message;
    status.attempt->not_before = write_time(next);
    status.set_condition("Ready", "False", answer.reason, answer.message, observed.now);
    out.events.push_back({true, answer.reason, answer.message + "; it is tried again"});
}

Conclusion conclude(const Checkpoint& object, const Answer& answer, std::string_view pod_uid,
                    const Observed& observed, const Told& told) {
    Conclusion out{.status = object.status};
    Status& status = out.status;
    if (!status.attempt)
        status.attempt.emplace();
    status.checkpoint_ms = told.kubelet_ms;
    if (answer.by_lpm)
        status.checks = {{answer.reason, "block", answer.message}};
    write_told(status, told, observed.now);
    // What has the attempt's uid was prepared for that very container.
    const bool replaced = !told.archive && !pod_uid.empty() && pod_uid != status.pod_uid;
    if (answer.kind == Kind::completed && replaced) {
        // The kubelet knows pods by name only, so it may be the memory of either.
        status.archive = answer.archive;
        end(out, "PodReplaced",
            "the pod was replaced by another one of its name while its container was checkpointed: whose "
            "memory is in " +
                answer.archive + " on " + status.node + " is not known",
            observed);
    } else if (answer.kind == Kind::completed) {
        complete(out, object, answer, observed, told);
    } else if (answer.kind == Kind::checked) {
        end_checked(out, answer, observed);
    } else if (answer.kind == Kind::transient && !object.deleted) {
        try_again(out, object, answer, observed);
    } else {
        end(out, answer.reason, answer.message, observed);
    }
    return out;
}

} // namespace lpm::controller
