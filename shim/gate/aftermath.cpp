// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/dir.hpp"
#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "call.hpp"
#include "criu/log.hpp"
#include "criu/stats.hpp"
#include "oci/phrases.hpp"
#include "report.hpp"

// What the gate does around and after the runtime's run.
namespace lpm::gate {

// CRIU at its most talkative writes about 1 MiB per hundred processes.
static constexpr std::uint64_t max_log = std::uint64_t{4} << 20;
// Of a call that went well nobody reads more than the beginning and the end; a big log costs milliseconds.
static constexpr std::uint64_t max_good_log = std::uint64_t{256} << 10;
// Where the first error of a log is looked for: it may stand before megabytes of consequences.
static constexpr std::size_t max_read_log = std::size_t{64} << 20;
static constexpr std::size_t max_stats = 65536;

const char* Call::log_name() const {
    return record_.operation == "restore" ? "restore.log" : "dump.log";
}
const char* Call::stats_name() const {
    return record_.operation == "restore" ? "stats-restore" : "stats-dump";
}

bool Call::FileStamp::operator==(const FileStamp& other) const {
    return name == other.name && inode == other.inode && size == other.size &&
           changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec;
}

Call::FileStamp Call::stamp_of(int dir, const std::string& name) {
    struct stat st{};
    if (dir < 0 || ::fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return {name, 0, 0, {}};
    return {name, st.st_ino, st.st_size, st.st_ctim};
}

// The runtime makes it if need be.
void Call::open_work_dir() {
    if (work_)
        return;
    if (auto dir = open_at(AT_FDCWD, record_.work_path, O_RDONLY | O_DIRECTORY))
        work_ = *std::move(dir);
}

// CRI-O makes dump.log before the call, and an earlier try may have left one. The directory is held open: of
// a restore in the foreground it may be gone by name when the container ends.
void Call::look_at_work_dir() {
    open_work_dir();
    if (record_.operation == "restore" && oci::valid_id(subject_.id.c_str())) {
        struct stat st{};
        fresh_ = ::lstat((subject_.root + "/" + subject_.id).c_str(), &st) != 0 && errno == ENOENT;
        sole_ = work_ && ::flock(work_.get(), LOCK_EX | LOCK_NB) == 0;
    }
    stamps_ = {stamp_of(work_.get(), log_name()), stamp_of(work_.get(), stats_name())};
}

bool Call::written_by_this_call(const std::string& name) const {
    const FileStamp after = stamp_of(work_.get(), name);
    if (after.size == 0)
        return false;
    for (const FileStamp& before : stamps_)
        if (before == after)
            return false;
    return true;
}

void Call::keep(int logs, const std::string& name, std::uint64_t limit) {
    if (!written_by_this_call(name))
        return;
    auto from = open_at(work_.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!from)
        return;
    if (const auto size = copy_bounded(from->get(), logs, name, limit); !size)
        note(name + " not kept: " + size.error().text);
}

void Call::keep_stats() {
    const std::string name = stats_name();
    if (!written_by_this_call(name))
        return;
    const auto bytes = read_file(work_.get(), name, max_stats);
    const auto stats = bytes ? criu::parse_stats(*bytes) : std::unexpected(bytes.error());
    if (!stats) {
        note(name + ": " + stats.error().text);
        return;
    }
    for (std::size_t i = 0; i < stats->names.size(); ++i)
        if (stats->values[i])
            record_.stats.emplace_back(std::string(stats->names[i].name), *stats->values[i]);
}

// As durable as the images beside it: CRIU syncs none of them.
void Call::write_manifest() {
    auto dir = open_at(AT_FDCWD, record_.image_path, O_RDONLY | O_DIRECTORY);
    const Result<> written = dir ? replace_file(dir->get(), record::manifest_file,
                                                record::write_manifest(record_), 0600, Sync::none)
                                 : std::unexpected(std::move(dir).error());
    if (!written)
        note("lpm.json not written: " + written.error().text);
}

void Call::say(std::string line) {
    lines_.push_back(std::move(line));
}

// A runtime that was killed may leave behind what it had frozen. What the caller froze is the caller's.
void Call::thaw_if_left_frozen() {
    if (record_.frozen || !state_ || record_.operation == "restore" || !oci::alive(*state_) ||
        !oci::frozen(*state_))
        return;
    const auto thawed = oci::thaw(*state_);
    const std::string what = "the failed " + record_.operation + " left " + subject_.id + " frozen";
    if (thawed && !oci::frozen(*state_)) {
        note("the container was left frozen and has been thawed");
        say("lpm: " + what + "; it has been thawed");
    } else {
        note("the container was left frozen" + (thawed ? std::string() : ": " + thawed.error().text));
        say("lpm: " + what + " and it could not be thawed: resume it with the runtime");
    }
}

// Of a log that tells nothing more: CRIU's last line is always that it was done, or that it failed.
static criu::LogError cut_off() {
    return {
        "CriuCutShort", "CRIU ended in the middle of its work and did not say why",
        "look in the kernel's log for a crash of CRIU or the out-of-memory killer, run lpm-gate --probe to "
        "see whether it works here at all, then try again"};
}

std::optional<criu::LogError> Call::read_failure() {
    if (!written_by_this_call(log_name()))
        return std::nullopt;
    const auto log = read_head(work_.get(), log_name(), max_read_log);
    if (!log)
        return std::nullopt;
    run_id_ = criu::dump_run_id(*log);
    const auto error = criu::first_error(*log);
    return !error && criu::cut_short(*log) ? cut_off() : error;
}

void Call::explain_failure() {
    const auto error = read_failure();
    std::string_view remedy;
    record_.code = "RuntimeFailed";
    record_.message = "the runtime failed for a reason of its own, which it has printed";
    if (ended_->signal != 0) {
        record_.code = "RuntimeKilled";
        record_.message = "the runtime was killed by signal " + std::to_string(ended_->signal);
    } else if (error) {
        record_.code = error->code;
        record_.message = error->message;
        remedy = error->remedy;
        if (!remedy.empty())
            record_.message += "; " + std::string(remedy);
    }
    if (record_.code == "RuntimeFailed")
        return;
    std::string line = "lpm: " + record_.operation + " of " + subject_.id + " failed";
    // CRIU quotes the kernel in words that callers take for something else; the log has them.
    if (!oci::misread(record_.message))
        line += ": " + record_.message;
    else if (!remedy.empty())
        line += ": " + std::string(remedy);
    line += " [" + record_.code + "]";
    if (store_)
        line += "; logs are kept in " + store_->log_dir(record_.id);
    say(std::move(line));
}

void Call::keep_files(bool ok) {
    keep_stats();
    if (work_ && store_) {
        if (auto logs = store_->make_log_dir(record_.id)) {
            keep(logs->get(), log_name(), ok ? max_good_log : max_log);
            keep(logs->get(), stats_name(), max_stats);
        } else {
            note("logs not kept: " + logs.error().text);
        }
    }
    if (!ok)
        explain_failure();
}

// A restore in the foreground ends with the status of the container, hours later maybe: then CRIU's figures,
// which it writes last, tell that the restore itself went well.
bool Call::succeeded() const {
    if (ended_->ok() || record_.operation != "restore" || invocation_.on(oci::Option::detach))
        return ended_->ok();
    return written_by_this_call(stats_name());
}

void Call::end() {
    if (ended_->signal != 0)
        record_.signal = ended_->signal;
    else
        record_.exit_status = ended_->exit_status;
    open_work_dir();
    // The path to the parent leads through the image directory, which the runtime has made by now.
    if (record_.operation != "restore")
        read_lineage();
    const bool ok = succeeded();
    if (!ok) {
        wait_for_criu();
        thaw_if_left_frozen();
    }
    keep_files(ok);
    if (!ok) {
        unlock_network();
        report_tasks();
        end_orphans();
        unbind_root();
    }
    if (ended_->ok() && record_.operation != "restore") {
        if (const auto usage = read_dir_usage(record_.image_path))
            record_.image_bytes = usage->size;
        record_.ended = rfc3339(now());
        write_manifest();
    }
    finish(ok ? "completed" : "failed");
    // Only now: standard error may be a pipe that nobody reads any more.
    for (const auto& line : lines_)
        add_line(line);
}

} // namespace lpm::gate
