// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "rescue.hpp"

#include <cstdio>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <thread>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "cleanup/criu.hpp"
#include "cleanup/network.hpp"
#include "linux/boot.hpp"
#include "oci/container_lock.hpp"
#include "oci/state.hpp"
#include "pending.hpp"
#include "prepare.hpp"
#include "record/stand_still.hpp"
#include "report.hpp"
#include "signature.hpp"
#include "verbs.hpp"

namespace lpm::gate {

using record::StandStill;

namespace {
// What a checkpoint whose caller had paused the container has left.
struct Left {
    StandStill note;
    record::Record record;
    oci::State state;
    bool frozen = false;
};
} // namespace

static void say_fault(std::string_view what, std::string_view why) {
    warn({one_line(std::string(what) + ": " + std::string(why))});
}

static bool is_dead(const record::Pause& caller) {
    return record::is_of_this_namespace(caller) && procfs::has_ended(caller.pid, caller.start);
}

// With the log of the dump.
static WorkDir work_dir_of(const record::Record& record) {
    WorkDir work = WorkDir::of_dump(record.work_path);
    work.open();
    return work;
}

// The gate, the runtime or CRIU has not ended yet.
static bool at_work(const record::Record& record) {
    if (!record.final && record.gate_pid > 0 &&
        !procfs::has_ended(static_cast<pid_t>(record.gate_pid), record.gate_start))
        return true;
    const auto wanted = [&](pid_t, const oci::Invocation& call) {
        return call.id != nullptr && record.container == call.id && call.verb != oci::Verb::other &&
               same_root(call.text(oci::Option::root), record.root.c_str());
    };
    const auto log = work_dir_of(record).log_stat();
    return find_call(wanted) != 0 || (log && find_criu(*log).ours != 0);
}

// Of the dump that was cut off.
static void unlock_network(const Left& left, Recorder& recorder) {
    auto network = open_at(AT_FDCWD, "/proc/" + std::to_string(left.state.init) + "/ns/net", O_RDONLY);
    if (!network)
        return;
    NetworkBefore before;
    before.network = *std::move(network);
    if (left.note.chain != record::Chain::unknown)
        before.lock.emplace().chain4 = left.note.chain == record::Chain::present;
    const WorkDir work = work_dir_of(left.record);
    const auto log = work.log_stat();
    CriuRun run;
    // CRI-O leaves an empty log there before the call, and an earlier one is older than the record.
    run.started = log && to_milliseconds(log->st_mtim) >= record::milliseconds_of(left.record.id);
    if (log)
        run.running = find_criu(*log);
    gate::unlock_network(before, run, work.read_log(), recorder);
}

// Not while another process settles records: it may have read this one.
static void add_notes(const Recorder& recorder) {
    constexpr int tries = 100;
    auto keeper = record::Keeper::open(paths::state_dir);
    for (int i = 0; i < tries && !keeper && keeper.error().code == Errc::busy; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        keeper = record::Keeper::open(paths::state_dir);
    }
    const auto& record = recorder.record();
    const auto done = keeper ? keeper->add_notes(record.id, record.notes) : std::unexpected(keeper.error());
    if (!done)
        say_fault(record.id, done.error().text);
}

static void unlock(const Left& left, const std::string& note) {
    record::Record told = left.record;
    told.notes.clear();
    Recorder recorder(std::move(told));
    if (!note.empty())
        recorder.note(note);
    unlock_network(left, recorder);
    recorder.tell();
    if (!recorder.record().notes.empty())
        add_notes(recorder);
}

// True when the container runs again.
static bool thaw(const Left& left) {
    const auto thawed = oci::thaw(left.state);
    if (!thawed || oci::frozen(left.state)) {
        say_fault(left.record.container, "it is left paused, and cannot be thawed: " +
                                             (thawed ? std::string("it stays frozen") : thawed.error().text) +
                                             "; resume it with the runtime");
        return false;
    }
    const pid_t caller = left.note.pause.pid;
    std::printf("%s: thawed: process %d had paused it for the checkpoint %s and ended\n",
                left.record.container.c_str(), caller, left.record.id.c_str());
    std::fflush(stdout);
    unlock(left, "process " + std::to_string(caller) +
                     ", which had paused the container for this checkpoint, ended and left it paused; "
                     "lpm-gate has thawed it");
    return true;
}

// Its gate did not come to put right what a CRIU that was killed has left.
static bool cut_off(const record::Record& record) {
    return !record.final || record.outcome == record::Outcome::interrupted;
}

// Errc::absent when there is nothing to do for anybody.
static Result<Left> find_left(const StandStill& note, const record::Store& store) {
    TRY_ASSIGN(record::Record record, store.load(note.record));
    TRY_ASSIGN(oci::State state, oci::read_state(record.root, record.container));
    const bool frozen = oci::frozen(state);
    if (!oci::alive(state) || (!frozen && !cut_off(record)))
        return fail(Errc::absent, "it has gone on");
    return Left{note, std::move(record), std::move(state), frozen};
}

// True when `grace` is over since the caller was first seen dead, which is now if never before.
static bool waited(const record::ContainerNotes& notes, std::chrono::nanoseconds grace) {
    const auto now = boot_time_ns();
    const auto since = notes.orphaned_since();
    if (since == 0) {
        if (const auto written = notes.write_orphaned(now); !written)
            say_fault("/run/lpm", written.error().text);
        return false;
    }
    return std::chrono::nanoseconds(now - since) >= grace;
}

static void look_at(const record::ContainerName& name, const record::Store& store,
                    std::chrono::seconds grace) {
    const auto notes = record::ContainerNotes::open(paths::run_dir, name);
    const auto note = notes ? notes->checkpoint() : std::unexpected(notes.error());
    if (!note)
        return say_fault(name.id, note.error().text);
    if (!*note || !is_dead((*note)->pause))
        return;
    const auto left = find_left(**note, store);
    if (!left && left.error().code == Errc::absent)
        return notes->forget();
    if (!left)
        return say_fault(name.id, left.error().text);
    oci::ContainerLock lock;
    if (at_work(left->record) || !lock.try_lock(left->record.root, left->record.container))
        return;
    if (!left->frozen) { // CRIU thaws it for a time, and may be killed then
        unlock(*left, "");
        return notes->forget();
    }
    if (!waited(*notes, grace) || !thaw(*left))
        return;
    if (const auto ended = notes->end(**note, record::End::thawed); !ended)
        say_fault(name.id, ended.error().text);
}

// A resume was noted, but the runtime that was to do it may have been killed as well. Another pause since is
// its own.
static void look_at_ended(const std::string& id, const record::Store& store) {
    const auto note = record::read_ended(paths::run_dir, id);
    if (!note || note->end != record::End::resumed)
        return;
    const auto left = find_left(*note, store);
    oci::ContainerLock lock;
    if (!left || at_work(left->record) || !lock.try_lock(left->record.root, left->record.container))
        return;
    if (!left->frozen)
        return unlock(*left, "");
    const auto notes = record::ContainerNotes::open(
        paths::run_dir, record::ContainerName::of(left->record.root, left->record.container));
    const auto pause = notes ? notes->pause() : std::unexpected(notes.error());
    if (!is_dead(note->pause) || !pause || *pause || !thaw(*left))
        return;
    if (const auto ended = notes->end(*note, record::End::thawed); !ended)
        say_fault(id, ended.error().text);
}

bool rescue_round(std::chrono::seconds grace) {
    const auto containers = record::list_checkpoints(paths::run_dir);
    const auto ended = record::list_ended(paths::run_dir);
    if (containers.empty() && ended.empty())
        return true;
    const auto store = record::Store::open(paths::state_dir);
    if (!store) {
        say_fault("records", store.error().text);
        return false;
    }
    for (const auto& name : containers)
        look_at(name, *store, grace);
    for (const auto& id : ended)
        look_at_ended(id, *store);
    return true;
}

// Not before who is frozen goes on.
static bool end_round(const config::Settings& settings) {
    constexpr std::uint64_t soon_read = std::uint64_t{4} << 30; // larger ones are left to --settle
    remove_left_pending();
    return sign_archives(settings, soon_read);
}

int rescue() {
    const auto settings = config::read(paths::settings_file);
    warn(settings.problems);
    undo_expired(settings.hook_time);
    const bool rescued = !settings.rescue || rescue_round(std::chrono::seconds(settings.rescue_after));
    const bool ended = end_round(settings);
    if (!rescued || !ended)
        return 1;
    if (record::list_ended(paths::run_dir).empty())
        return 0;
    // The timer of --settle is at it, and does this too.
    auto keeper = record::Keeper::open(paths::state_dir);
    if (!keeper)
        return keeper.error().code == Errc::busy ? 0 : 1;
    warn(keeper->join_stand_stills(paths::run_dir));
    return 0;
}

} // namespace lpm::gate
