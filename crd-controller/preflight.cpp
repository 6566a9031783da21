// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "told.hpp"

// What the checks beforehand mean.
namespace lpm::controller {

using Kind = Answer::Kind;

// Who asks for something that only the node can do waits for it, or ends; the others go on as if nobody were
// there.
static Preflight not_checked(const Spec& spec, std::string_view reason, const std::string& message,
                             Kind kind) {
    Preflight out;
    out.reason = reason;
    out.message = message;
    if (spec.dry_run || !spec.options.empty())
        out.end = {.kind = kind,
                   .reason = out.reason,
                   .message = std::string(spec.dry_run ? "dryRun" : "options") +
                              ": only lpm-sidecar on the node can do this: " + message};
    return out;
}

static Preflight blocked(const Spec& spec, const NodeVerdict& told) {
    Preflight out;
    out.passed = "False";
    out.reason = told.code;
    out.message = told.message;
    out.checks = told.checks;
    out.end = {.kind = told.transient && !spec.dry_run ? Kind::transient : Kind::refused,
               .reason = told.code,
               .message = told.message,
               .by_lpm = true};
    return out;
}

static Preflight passed(const Spec& spec, const NodeVerdict& told) {
    Preflight out;
    out.passed = "True";
    out.reason = "ChecksPassed";
    out.message = told.notes;
    out.checks = told.checks;
    out.prepared = !spec.dry_run;
    if (spec.dry_run)
        out.end = {.kind = Kind::checked,
                   .reason = "DryRunCompleted",
                   .message = "the checks were made, and none would refuse a checkpoint; nothing was frozen"};
    return out;
}

Preflight judge_preflight(const Spec& spec, std::string_view node, std::int64_t attempt,
                          const Result<NodeVerdict>& told) {
    if (told)
        return told->code.empty() ? passed(spec, *told) : blocked(spec, *told);
    const std::string where = "lpm-sidecar of " + std::string(node);
    const std::string& text = told.error().text;
    switch (told.error().code) {
    case Errc::busy: {
        Preflight out;
        out.reason = "ContainerPaused";
        out.message = where + ": " + text;
        out.end = {.kind = Kind::transient, .reason = out.reason, .message = out.message};
        return out;
    }
    case Errc::absent:
        return not_checked(
            spec, "RuntimeBypassed",
            where + " finds no such container below a runtime that lpm stands in front of (" + text +
                "): let runtime_path of its handler name /etc/lpm/bin/runc, or nothing is checked "
                "and recorded",
            // It may have ended, which the kubelet tells a second later: the pod is looked at again first.
            attempt > 1 ? Kind::refused : Kind::transient);
    case Errc::denied:
        return not_checked(
            spec, "NoSidecar",
            where + ": " + text +
                "; name the controller's certificate in [clients] of /etc/lpm/sidecar.toml there",
            Kind::transient);
    case Errc::invalid:
        return not_checked(spec, spec.options.empty() ? "NoSidecar" : "OptionsInvalid", where + ": " + text,
                           Kind::refused);
    default:
        return not_checked(
            spec, "NoSidecar",
            where + " cannot be asked: " + text +
                "; see that it runs there and listens (systemctl status lpm-sidecar), and that "
                "[sidecar] of controller.toml names its authority",
            Kind::transient);
    }
}

} // namespace lpm::controller
