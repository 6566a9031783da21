// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "hook.hpp"

#include <chrono>
#include <unistd.h>
#include <utility>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "linux/procfs.hpp"

namespace lpm::hook {

using Status = oci::HookState::Status;

void say(std::string_view message) {
    // conmon reads a runtime's standard error into 8191 bytes, and the runtime has words of its own around
    // ours.
    constexpr std::size_t max_line = 4000;
    // Nobody is left to tell when standard error is closed.
    (void)write_all(STDERR_FILENO, one_line(message, max_line) + "\n");
}

// To the end, even when it is too long: a runtime that cannot get rid of its state fails.
static Result<std::string> read_input(int input) {
    constexpr std::chrono::seconds patience(25);
    std::string text;
    if (!read_until(input, Deadline(patience), oci::max_hook_state + 1, text))
        return fail(Errc::unavailable, "it does not end within 25 seconds");
    return text;
}

// Why a file cannot be read, without the words that callers take for other errors (oci/phrases.hpp).
static std::string reason(const Error& error) {
    switch (error.code) {
    case Errc::absent:
        return "it is not there";
    case Errc::denied:
        return "lpm-hook may not read it";
    default:
        return one_line(error.text);
    }
}

int HookCall::run(int input) {
    auto text = read_input(input);
    if (::access(paths::bypass_file, F_OK) == 0)
        return 0; // the operator has switched lpm off
    auto state = text ? oci::parse_hook_state(*text) : std::unexpected(std::move(text).error());
    if (!state) {
        // No runtime sends this, so there is no container to be spared.
        say("lpm-hook: standard input has no state of a container: " + one_line(state.error().text) +
            "; lpm-hook is for container runtimes to call (docs/hooks.md)");
        return 1;
    }
    state_ = *std::move(state);
    if (state_.status == Status::stopped && !restored())
        return clean_up();
    if (state_.status == Status::running) {
        say("lpm-hook: container " + one_line(state_.id, 100) +
            " is running: this hook is for the stages createRuntime and poststop; correct the stages of the "
            "hook");
        return 0; // it may have asked for nothing
    }
    return create();
}

// runc calls the createRuntime hooks of a restore as well, says `stopped` and names the new init; of a
// container that has ended no process is left.
bool HookCall::restored() const {
    if (state_.status != Status::stopped || state_.pid == 0)
        return false;
    const auto stat = procfs::read_stat(state_.pid);
    return stat && !stat->ended();
}

int HookCall::create() {
    const auto bundle = oci::read_bundle(state_.bundle);
    const auto asked = bundle ? bundle->checkpointable : state_.checkpointable;
    if (!asked)
        return 0;
    // What comes back from a checkpoint has shown that it can be checkpointed: no setting may keep it from
    // that.
    const bool back = restored();
    required_ = *asked == "required" && !back;
    settings_ = config::read(paths::settings_file);
    note_ = Note(state_, *asked, settings_);
    if (*asked != "required" && *asked != "report" && !back)
        return refuse("AnnotationUnknown",
                      "the annotation " + std::string(oci::checkpointable) + " says \"" +
                          one_line(*asked, 60) +
                          "\", and lpm knows required and report; correct it, or leave it out");
    if (!bundle)
        return give_up(one_line(state_.bundle, 200) +
                       "/config.json cannot be used: " + reason(bundle.error()));
    auto outcome = judge(*bundle);
    note_.add(*bundle, std::move(outcome.findings));
    if (required_ && !outcome.code.empty())
        return refuse(outcome.code, outcome.message);
    if (const auto done = note_.write(outcome.code, outcome.message); !done)
        say("lpm-hook: what the checks say of container " + one_line(state_.id, 100) +
            " cannot be noted: " + one_line(done.error().text));
    return 0;
}

check::Outcome HookCall::judge(const oci::Bundle& bundle) const {
    const Deadline deadline(settings_.deadline);
    inspect::Facts facts;
    facts.subject.stage = inspect::Stage::create;
    facts.subject.id = state_.id;
    facts.subject.bundle_dir = state_.bundle;
    facts.bundle = bundle;
    return check::run(facts, settings_, deadline);
}

int HookCall::clean_up() const {
    if (const auto done = remove_note(state_); !done) {
        say("lpm-hook: the note of container " + one_line(state_.id, 100) +
            " cannot be removed: " + one_line(done.error().text));
        return 1; // the container has ended: nothing is stopped by it
    }
    return 0;
}

int HookCall::refuse(std::string_view code, std::string_view why) {
    // crun lets nobody hear what a hook says (its standard error is /dev/null), so it stands in a record too.
    note_.record_refusal(code, why);
    say("lpm refused container " + one_line(state_.id, 100) + ": " + std::string(why) + " [" +
        std::string(code) + "]" +
        (required_ ? " (asked for by " + std::string(oci::checkpointable) + ": required)" : std::string()));
    return 1;
}

int HookCall::give_up(std::string_view why) {
    if (required_)
        return refuse("BundleUnreadable", "whether it can be checkpointed is not known: " + std::string(why) +
                                              "; mend that, or leave the annotation out");
    say("lpm-hook: container " + one_line(state_.id, 100) + " is not looked at: " + std::string(why));
    return 0;
}

} // namespace lpm::hook
