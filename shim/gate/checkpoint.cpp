// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "call.hpp"
#include "cleanup/network.hpp"
#include "cleanup/tasks.hpp"
#include "failure.hpp"
#include "linux/cpu.hpp"
#include "linux/procfs.hpp"
#include "oci/container_lock.hpp"
#include "record/preparation.hpp"
#include "record/stand_still.hpp"

namespace lpm::gate {

using lifecycle::Point;

namespace {
// What is compared after a failure.
struct Before {
    std::optional<oci::State> state;
    bool alive = false;
    bool none_stopped = false; // no process was stopped by a signal, as far as known
    NetworkBefore network;
    std::optional<std::uint64_t> oom_kills = procfs::read_oom_kills();
};
} // namespace

static Before look_at(const inspect::Facts& facts) {
    const auto& container = facts.container;
    Before before;
    before.state = container.state;
    before.alive = container.alive;
    before.none_stopped = container.workload && !container.workload->gap && !container.workload->stops_gap &&
                          (*container.workload)[inspect::Item::stopped].count == 0;
    if (!container.alive)
        return before;
    auto network = open_at(AT_FDCWD, "/proc/" + std::to_string(container.state->init) + "/ns/net", O_RDONLY);
    if (network)
        before.network = read_network(*std::move(network));
    return before;
}

namespace {
// Of the pause of a container by who asks for the checkpoint.
struct PauseNote {
    record::ContainerNotes notes;
    record::StandStill note;
};
} // namespace

static Result<record::ContainerNotes> open_notes(const Request& request) {
    return record::ContainerNotes::open(paths::run_dir,
                                        record::ContainerName::of(request.subject.root, request.subject.id));
}

// Who pauses a container and then asks for a checkpoint of it is the one to resume it: what it leaves paused
// when it dies, `lpm-gate --settle` thaws. Nothing when somebody else has paused it, or nobody.
static std::optional<PauseNote> note_pause(const Request& request, const std::string& record) {
    auto notes = open_notes(request);
    auto pause = notes ? notes->pause() : std::unexpected(notes.error());
    if (!pause || !*pause || (*pause)->pid != ::getppid())
        return std::nullopt;
    const auto caller = procfs::read_stat(::getppid());
    if (!caller || caller->start != (*pause)->start || !record::is_of_this_namespace(**pause))
        return std::nullopt;
    record::StandStill note;
    note.record = record;
    note.pause = **std::move(pause);
    // Without it nobody is rescued: that is no reason to fail.
    (void)notes->write_checkpoint(note);
    return PauseNote{*std::move(notes), std::move(note)};
}

// By a `pause` through lpm-runc that no `resume` has followed.
static bool is_paused(const Request& request) {
    const auto notes = open_notes(request);
    const auto pause = notes ? notes->pause() : std::unexpected(notes.error());
    return pause && *pause;
}

// Who removes CRIU's iptables chain later has to know that it is CRIU's of this call.
static void note_chain(PauseNote& paused, const NetworkBefore& network) {
    if (!network.lock)
        return;
    paused.note.chain = network.lock->chain() ? record::Chain::present : record::Chain::absent;
    (void)paused.notes.write_checkpoint(paused.note);
}

static record::Word<config::Tcp> tcp_of(const criu::EffectiveOptions& options) {
    if (options.on("tcp-close"))
        return config::Tcp::close;
    return options.on("tcp-established") ? record::Word<config::Tcp>(config::Tcp::established)
                                         : record::Word<config::Tcp>();
}

// As durable as the images beside it: CRIU syncs none of them.
static void write_manifest(Recorder& recorder) {
    const record::Record& record = recorder.record();
    auto dir = open_at(AT_FDCWD, record.image_path, O_RDONLY | O_DIRECTORY);
    const Result<> written = dir ? replace_file(dir->get(), record::manifest_file,
                                                record::write_manifest(record), 0600, Sync::none)
                                 : std::unexpected(std::move(dir).error());
    if (!written)
        recorder.note("lpm.json not written: " + written.error().text);
}

static void keep_images(Recorder& recorder) {
    record::Record& record = recorder.record();
    if (const auto usage = read_dir_usage(record.image_path))
        record.image_bytes = usage->size;
    record.ended = rfc3339(now());
    write_manifest(recorder);
}

static void clean_up(const Call& call, const Before& before, const WorkDir& work) {
    Recorder& recorder = call.recorder;
    const CriuRun criu = {.running = await_criu(work, recorder, [] { return false; }),
                          .started = work.log_written()};
    // What the caller froze is the caller's, and what somebody has paused since is his.
    if (before.state && !recorder.record().frozen && !is_paused(call.request))
        thaw_if_frozen(*before.state, recorder);
    // CRIU lets a frozen container run while it holds each of its processes, and freezes it again at the end.
    // It is not frozen here: if the caller is gone, nobody would thaw it.
    if (before.state && before.alive && recorder.record().frozen && !oci::frozen(*before.state))
        recorder.note(
            "the container runs, which the caller had paused: CRIU was cut off before it froze it again");
    work.keep(recorder, false);
    const auto log = work.read_log();
    explain_failure(recorder, *call.progress.ended, log, before.oom_kills);
    unlock_network(before.network, criu, log, recorder);
    if (before.state && before.alive)
        report_tasks(*before.state, before.none_stopped, recorder);
}

// What Prepare has settled for this checkpoint. Nothing when nobody has prepared it: an operator's own, say.
static std::optional<record::Preparation> take_prepared(Request& request, const oci::Invocation& invocation) {
    if (invocation.on(oci::Option::pre_dump))
        return std::nullopt;
    auto taken = record::take_preparation(paths::run_dir, request.subject.root, request.subject.id);
    if (!taken && taken.error().code != Errc::absent)
        request.settings.problems.push_back("what was prepared for a checkpoint is not used: " +
                                            taken.error().text);
    if (!taken)
        return std::nullopt;
    request.subject.options = taken->options;
    return *std::move(taken);
}

void checkpoint(const Arguments& arguments, Progress& progress) {
    Request request(arguments, inspect::Stage::checkpoint);
    auto prepared = take_prepared(request, arguments.invocation);
    Recorder recorder(request, arguments,
                      arguments.invocation.on(oci::Option::pre_dump) ? record::Operation::pre_dump
                                                                     : record::Operation::checkpoint,
                      prepared ? &prepared->record : nullptr);
    Hooks hooks(Point::pre_checkpoint, Point::post_checkpoint, request.settings.hook_time, recorder);
    if (prepared)
        hooks.set_prepared();
    auto paused = note_pause(request, recorder.record().id);
    const Call call{arguments, request, recorder, hooks, progress};

    // No other gate checkpoints this container, and none will until this process ends.
    oci::ContainerLock lock;
    auto facts = admit(call, [&] { return !lock.try_lock(request.subject.root, request.subject.id); });
    if (!facts)
        return;
    record::Record& record = recorder.record();
    record.tcp = tcp_of(facts->options);
    Command command(arguments.argv, arguments.argc, arguments.environment);
    add_to(command, call, *facts);
    const Before before = look_at(*facts);
    facts.reset();
    if (paused)
        note_chain(*paused, before.network);
    if (!hooks_allow(call))
        return;

    WorkDir work = WorkDir::of_dump(request.work_path);
    work.remember_files();
    Delegate delegate;
    Watch watch(work, recorder, [] { return false; });
    const auto once = [&](pid_t runtime) {
        delegate = delegate_of(runtime);
        record.cpu = read_cpu_features().value_or("");
        recorder.settle_intent();
    };
    if (!run(call, command, {once, [&](pid_t) { watch.each_second(delegate); }}))
        return;

    work.open();
    // The path to the parent leads through the image directory, which the runtime has made by now.
    if (!request.parent_path.empty())
        record.parent = record_of_images(record.image_path + "/" + request.parent_path);
    if (progress.ended->ok()) {
        work.keep(recorder, true);
        keep_images(recorder);
    } else {
        clean_up(call, before, work);
    }
    finish(call, progress.ended->ok() ? record::Outcome::completed : record::Outcome::failed);
    recorder.tell();
}

} // namespace lpm::gate
