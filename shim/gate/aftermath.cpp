// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>

#include "base/file.hpp"
#include "base/text.hpp"
#include "call.hpp"
#include "criu/log.hpp"
#include "criu/stats.hpp"
#include "report.hpp"

// What the gate does after the runtime has ended.
namespace lpm::gate {

// CRIU at its most talkative writes about 1 MiB per hundred processes.
static constexpr std::uint64_t max_log = std::uint64_t{4} << 20;
static constexpr std::size_t max_stats = 65536;

// CRI-O makes dump.log before the call, and an earlier try may have left one: it counts only if it was
// written since we started the runtime. File times come from a clock that ticks every 4 ms or so.
bool Call::written_by_this_call(int dir, const std::string& name) const {
    struct stat st{};
    if (::fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size == 0)
        return false;
    constexpr long long slack = 20'000'000;
    const auto ns = [](const timespec& t) { return t.tv_sec * 1'000'000'000LL + t.tv_nsec; };
    return ns(st.st_mtim) + slack >= ns(delegated_);
}

void Call::keep(int work, int logs, const std::string& name) {
    if (!written_by_this_call(work, name))
        return;
    auto from = open_at(work, name, O_RDONLY | O_NOFOLLOW);
    if (!from)
        return;
    if (const auto size = copy_bounded(from->get(), logs, name, max_log); !size)
        note(name + " not kept: " + size.error().text);
}

void Call::keep_stats(int work, const std::string& name) {
    if (!written_by_this_call(work, name))
        return;
    const auto bytes = read_file(work, name, max_stats);
    const auto stats = bytes ? criu::parse_stats(*bytes) : std::unexpected(bytes.error());
    if (!stats) {
        note(name + ": " + stats.error().text);
        return;
    }
    for (std::size_t i = 0; i < stats->names.size(); ++i)
        if (stats->values[i])
            record_.stats.emplace_back(std::string(stats->names[i].name), *stats->values[i]);
}

static std::optional<std::uint64_t> size_of_files(const std::string& path) {
    const std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })> open(::opendir(path.c_str()));
    if (!open)
        return std::nullopt;
    std::uint64_t bytes = 0;
    while (const dirent* entry = ::readdir(open.get())) {
        struct stat st{};
        if (::fstatat(::dirfd(open.get()), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode))
            bytes += static_cast<std::uint64_t>(st.st_size);
    }
    return bytes;
}

// As durable as the images beside it: CRIU syncs none of them.
void Call::write_passport() {
    auto dir = open_at(AT_FDCWD, record_.image_path, O_RDONLY | O_DIRECTORY);
    const Result<> written = dir ? replace_file(dir->get(), record::passport_file,
                                                record::write_passport(record_), 0600, Sync::none)
                                 : std::unexpected(std::move(dir).error());
    if (!written)
        note("lpm.json not written: " + written.error().text);
}

// A runtime that was killed may leave behind what it had frozen. What the caller froze is the caller's.
void Call::thaw_if_left_frozen() {
    if (record_.frozen || !state_ || record_.operation == "restore" || !oci::alive(*state_) ||
        !oci::frozen(*state_))
        return;
    if (const auto thawed = oci::thaw(*state_)) {
        note("the container was left frozen and has been thawed");
        add_line("lpm: the failed " + record_.operation + " left " + subject_.id +
                 " frozen; it runs again now");
    } else {
        note("the container was left frozen: " + thawed.error().text);
        add_line("lpm: the failed " + record_.operation + " left " + subject_.id +
                 " frozen and it could not be thawed");
    }
}

void Call::explain_failure(int work) {
    const std::string verb = record_.operation;
    if (ended_.signal != 0) {
        record_.code = "RuntimeKilled";
        record_.message = "the runtime was killed by signal " + std::to_string(ended_.signal);
    }
    const std::string name = verb == "restore" ? "restore.log" : "dump.log";
    if (work >= 0 && written_by_this_call(work, name)) {
        // The first error is what counts, and it may stand before megabytes of consequences.
        auto log = read_file(work, name, std::size_t{64} << 20);
        if (const auto error = log ? criu::first_error(*log) : std::nullopt; error && ended_.signal == 0) {
            record_.code = error->code;
            record_.message = error->message;
            if (!error->remedy.empty())
                record_.message += "; " + std::string(error->remedy);
        }
    }
    if (record_.message.empty()) {
        // Not CRIU's doing: the runtime has said why on its own.
        record_.code = "RuntimeFailed";
        return;
    }
    std::string line =
        "lpm: " + verb + " of " + subject_.id + " failed: " + record_.message + " [" + record_.code + "]";
    if (store_)
        line += "; logs are kept in " + store_->log_dir(record_.id);
    add_line(line);
}

void Call::keep_files(bool ok) {
    const bool restore = record_.operation == "restore";
    auto work = open_at(AT_FDCWD, record_.work_path, O_RDONLY | O_DIRECTORY);
    if (work)
        keep_stats(work->get(), restore ? "stats-restore" : "stats-dump");
    if (work && store_) {
        if (auto logs = store_->make_log_dir(record_.id)) {
            keep(work->get(), logs->get(), restore ? "restore.log" : "dump.log");
            keep(work->get(), logs->get(), restore ? "stats-restore" : "stats-dump");
        } else {
            note("logs not kept: " + logs.error().text);
        }
    }
    if (!ok)
        explain_failure(work ? work->get() : -1);
}

// A restore in the foreground ends with the status of the container, hours later maybe: then CRIU's figures,
// which it writes last, tell that the restore itself went well.
bool Call::succeeded() const {
    if (ended_.ok() || record_.operation != "restore" || invocation_.on(oci::Option::detach))
        return ended_.ok();
    const auto work = open_at(AT_FDCWD, record_.work_path, O_RDONLY | O_DIRECTORY);
    return work && written_by_this_call(work->get(), "stats-restore");
}

void Call::end() {
    const bool ok = succeeded();
    record_.outcome = ok ? "completed" : "failed";
    if (ended_.signal != 0)
        record_.signal = ended_.signal;
    else
        record_.exit_status = ended_.exit_status;
    if (!ok)
        thaw_if_left_frozen();
    keep_files(ok);
    record_.final = true;
    record_.ended = rfc3339(now());
    if (ok && record_.operation != "restore") {
        record_.image_bytes = size_of_files(record_.image_path);
        write_passport();
    }
    publish();
}

} // namespace lpm::gate
