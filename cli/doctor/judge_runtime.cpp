// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

#include "base/format.hpp"
#include "base/paths.hpp"
#include "doctor/judges.hpp"

namespace lpm::doctor {

static std::string set_runtime() {
    return lpm::format("ln -sfn /usr/sbin/runc {}, or to wherever the real runtime is",
                       paths::configured_runtime);
}

static std::string name_of_runtime(const RuntimeState& runtime) {
    if (!runtime.told || runtime.told->version.empty())
        return runtime.path;
    return lpm::format("{}, {} {}", runtime.path, oci::name_of(runtime.told->kind), runtime.told->version);
}

Finding judge_runtime(const Facts& facts) {
    const auto& runtime = facts.runtime;
    const bool reaches = !runtime.path.empty();
    const std::string instead = reaches ? ": calls go to " + runtime.path + " instead" : "";
    if (runtime.link_is_us)
        return {State::fail, lpm::format("{} leads back to lpm-runc{}", paths::configured_runtime, instead),
                set_runtime()};
    if (!runtime.link.empty() && !runtime.link_there)
        return {State::fail,
                lpm::format("{} leads to {}, which is not there{}", paths::configured_runtime, runtime.link,
                            instead),
                set_runtime()};
    if (runtime.script_calls_us)
        return {State::fail,
                lpm::format("{} leads to the script {}, which leads back to lpm-runc",
                            paths::configured_runtime,
                            runtime.link.empty() ? paths::configured_runtime : runtime.link),
                set_runtime()};
    if (!reaches)
        return {
            State::fail,
            lpm::format("{} leads to no runtime, and runc is at no usual place", paths::configured_runtime),
            "install runc, or " + set_runtime()};
    if (!runtime.front)
        return {State::unknown, lpm::format("{} --version could not be run", paths::front_program),
                lpm::format("{} --version", paths::front_program)};
    if (runtime.front->status != 0)
        return {State::fail,
                lpm::format("{} --version fails ({}); {} leads to {}", paths::front_program,
                            runtime.front->said, paths::configured_runtime,
                            runtime.link.empty() ? runtime.path : runtime.link),
                set_runtime()};
    return {State::ok, name_of_runtime(runtime)};
}

// The first of both that fails; nullptr when none does.
static const Call* failed_help(const RuntimeState& runtime) {
    for (const auto* call : {&runtime.checkpoint_help, &runtime.restore_help})
        if (*call && (*call)->status != 0)
            return &**call;
    return nullptr;
}

Finding judge_runtime_checkpoint(const Facts& facts) {
    const auto& runtime = facts.runtime;
    const std::string other =
        lpm::format("install a runtime that is built with CRIU and make {} a link to it "
                    "(runc: without the build tag runc_nocriu; crun: --version lists "
                    "+CRIU)",
                    paths::configured_runtime);
    if (runtime.path.empty())
        return {State::unknown, "there is no runtime to ask", set_runtime()};
    if (const Call* failed = failed_help(runtime))
        return {State::fail,
                lpm::format("{} has no {}: its --help fails{}, so CRI-O says \"configured runtime does not "
                            "support checkpoint/restore\"",
                            runtime.path, failed == &*runtime.checkpoint_help ? "checkpoint" : "restore",
                            failed->said.empty() ? "" : " (" + failed->said + ")"),
                other};
    if (runtime.no_criu == true)
        return {State::fail,
                runtime.path + " is built without CRIU: \"this runc binary has not been compiled with "
                               "checkpoint/restore support enabled (runc_nocriu)\"",
                other};
    if (runtime.told && runtime.told->criu == false)
        return {State::fail, runtime.path + " is built without CRIU: its --version does not list +CRIU",
                other};
    if (runtime.told && !runtime.told->missing_library.empty())
        return {State::fail,
                lpm::format("{} loads {} for a checkpoint, and this node has not got it", runtime.path,
                            runtime.told->missing_library),
                "install it: libcriu2 in Debian and Ubuntu, criu-libs in Fedora and RHEL"};
    if (!runtime.checkpoint_help || !runtime.restore_help)
        return {State::unknown, "what " + runtime.path + " says to checkpoint --help is not known",
                runtime.path + " checkpoint --help"};
    return {State::ok, runtime.path + " has checkpoint and restore"};
}

} // namespace lpm::doctor
