// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "work_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include "base/file.hpp"
#include "criu/images/stats.hpp"

namespace lpm::gate {

// CRIU at its most talkative writes about 1 MiB per hundred processes.
static constexpr std::uint64_t max_log = std::uint64_t{4} << 20;
// A big log costs milliseconds.
static constexpr std::uint64_t max_good_log = std::uint64_t{256} << 10;
// Where the first error of a log is looked for: it may stand before megabytes of consequences.
static constexpr std::size_t max_read_log = std::size_t{64} << 20;
static constexpr std::size_t max_stats = 65536;

bool WorkDir::FileStamp::operator==(const FileStamp& other) const {
    return inode == other.inode && size == other.size && changed.tv_sec == other.changed.tv_sec &&
           changed.tv_nsec == other.changed.tv_nsec;
}

WorkDir::WorkDir(std::string path, const char* log_name, const char* stats_name)
    : path_(std::move(path)), log_{log_name, {}}, stats_{stats_name, {}} {}

WorkDir WorkDir::of_dump(std::string path) {
    return {std::move(path), "dump.log", "stats-dump"};
}
WorkDir WorkDir::of_restore(std::string path) {
    return {std::move(path), "restore.log", "stats-restore"};
}

void WorkDir::open() {
    if (dir_)
        return;
    if (auto dir = open_at(AT_FDCWD, path_, O_RDONLY | O_DIRECTORY))
        dir_ = *std::move(dir);
}

void WorkDir::remember_files() {
    open();
    log_.before = stamp_of(log_.name);
    stats_.before = stamp_of(stats_.name);
}

bool WorkDir::try_lock() const {
    return dir_ && ::flock(dir_.get(), LOCK_EX | LOCK_NB) == 0;
}

WorkDir::FileStamp WorkDir::stamp_of(const std::string& name) const {
    struct stat st{};
    if (!dir_ || ::fstatat(dir_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return {};
    return {st.st_ino, st.st_size, st.st_ctim};
}

bool WorkDir::written(const File& file) const {
    const FileStamp after = stamp_of(file.name);
    return after.size != 0 && after != file.before;
}

std::optional<struct stat> WorkDir::log_stat() const {
    struct stat log{};
    if (!log_written() || ::fstatat(dir_.get(), log_.name.c_str(), &log, AT_SYMLINK_NOFOLLOW) != 0)
        return std::nullopt;
    return log;
}

std::optional<std::string> WorkDir::read_log() const {
    if (!log_written())
        return std::nullopt;
    auto log = read_head(dir_.get(), log_.name, max_read_log);
    return log ? std::optional(*std::move(log)) : std::nullopt;
}

void WorkDir::keep_file(Recorder& recorder, int logs, const File& file, std::uint64_t limit) const {
    if (!written(file))
        return;
    const auto from = open_at(dir_.get(), file.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!from)
        return;
    if (const auto size = copy_bounded(from->get(), logs, file.name, limit); !size)
        recorder.note(file.name + " not kept: " + size.error().text);
}

void WorkDir::keep_stats(Recorder& recorder) const {
    if (!stats_written())
        return;
    const auto bytes = read_file(dir_.get(), stats_.name, max_stats);
    const auto stats = bytes ? criu::parse_stats(*bytes) : std::unexpected(bytes.error());
    if (!stats) {
        recorder.note(stats_.name + ": " + stats.error().text);
        return;
    }
    for (std::size_t i = 0; i < stats->names.size(); ++i)
        if (stats->values[i])
            recorder.record().stats.emplace_back(std::string(stats->names[i].name), *stats->values[i]);
}

void WorkDir::keep(Recorder& recorder, bool succeeded) const {
    keep_stats(recorder);
    if (!dir_ || recorder.log_dir().empty())
        return;
    const auto logs = recorder.make_log_dir();
    if (!logs) {
        recorder.note("logs not kept: " + logs.error().text);
        return;
    }
    keep_file(recorder, logs->get(), log_, succeeded ? max_good_log : max_log);
    keep_file(recorder, logs->get(), stats_, max_stats);
}

} // namespace lpm::gate
