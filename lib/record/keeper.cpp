// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/keeper.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "linux/boot.hpp"
#include "linux/procfs.hpp"
#include "record/stand_still.hpp"
#include "record/steady_clock.hpp"

namespace lpm::record {

// More than anybody keeps; a directory with more is not ours to hold in memory.
static constexpr std::size_t max_entries = 1'000'000;
// An empty record or logs without one may belong to a call that has just begun.
static constexpr std::uint64_t leftover_age_ms = std::uint64_t{3600} * 1000;

static bool older(const std::string& id, std::uint64_t age_ms) {
    const auto made = milliseconds_of(id);
    const auto present = to_milliseconds(now());
    return made < present && present - made > age_ms;
}

Result<Keeper> Keeper::open(const std::string& dir) {
    TRY_ASSIGN(Store store, Store::open(dir));
    TRY_ASSIGN(Fd fd, open_at(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(Fd lock, open_at(fd.get(), "keeper.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? fail(Errc::busy, "another process settles the records of " + dir)
                                    : fail_errno(errno, "lock " + dir);
    return Keeper(std::move(store), std::move(fd), std::move(lock));
}

void Keeper::fault(std::string_view what, std::string_view why) {
    constexpr std::size_t max_faults = 20;
    if (report_.faults.size() < max_faults)
        report_.faults.push_back(one_line(std::string(what) + ": " + std::string(why)));
}

// ".<id>.json.tmp.<pid>", of a process that is gone. Its age says nothing: a restore in the foreground ends
// its record when its container ends.
static bool is_dead_draft(std::string_view name) {
    constexpr std::size_t id_length = 26;
    return name.size() > id_length && valid_id(name.substr(1, id_length)) && is_left_draft(name);
}

// Directories and files of the store have names that follow from valid ids; anything else is not ours.
std::vector<std::string> Keeper::list_records() {
    std::vector<std::string> ids;
    complete_ = true;
    const auto open = [&](int at, const std::string& name) {
        auto folder = open_at(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        // What is no folder of ours has no records; one that cannot be opened may have.
        if (!folder && folder.error().sys != ENOENT && folder.error().sys != ENOTDIR &&
            folder.error().sys != ELOOP) {
            complete_ = false;
            fault(name, folder.error().text);
        }
        return folder;
    };
    const auto root = open(dir_.get(), "records");
    if (!root)
        return ids;
    each_entry(root->get(), [&](int at, const dirent& month) {
        if (month.d_name[0] == '.')
            return true;
        const auto folder = open(at, month.d_name);
        if (!folder)
            return true;
        each_entry(folder->get(), [&](int in, const dirent& entry) {
            std::string_view name = entry.d_name;
            if (is_dead_draft(name))
                ::unlinkat(in, entry.d_name, 0);
            if (!name.ends_with(record_suffix))
                return true;
            name.remove_suffix(record_suffix.size());
            if (valid_id(name) && month_of(name) == month.d_name)
                ids.emplace_back(name);
            return ids.size() < max_entries;
        });
        return ids.size() < max_entries;
    });
    complete_ = complete_ && ids.size() < max_entries;
    std::ranges::sort(ids);
    return ids;
}

// Its gate will not end it: it ran before this boot, or its process is gone. Of a gate that has not said who
// it is (lpm before 0.2) only the former is certain.
bool Keeper::abandoned(const Record& record) const {
    if (record.final || is_later(record))
        return false;
    if (!record.boot_id.empty() && record.boot_id != boot_)
        return !boot_.empty();
    return record.gate_pid > 0 && procfs::has_ended(static_cast<pid_t>(record.gate_pid), record.gate_start);
}

static void interrupt(Record& record) {
    record.outcome = Outcome::interrupted;
    record.code = "Interrupted";
    record.message = "lpm-gate ended before the " + record.operation.text() +
                     " did: whether the runtime finished it is not known";
    record.ended = rfc3339(now());
}

void Keeper::settle(Record& record) {
    record.final = true;
    if (record.outcome.empty())
        interrupt(record);
    else
        record.notes.emplace_back("lpm-gate ended while the hooks ran that come after the operation");
    if (auto written = store_.publish(record); !written) {
        fault(record.id, written.error().text);
        return;
    }
    // Engines pack whatever lies with the images.
    const auto half = draft_name(manifest_file, static_cast<pid_t>(record.gate_pid));
    ::unlink((record.image_path + "/" + half).c_str());
    ++report_.settled;
}

// Nothing when it is gone.
std::optional<Keeper::Entry> Keeper::look(const std::string& id) {
    auto record = store_.load(id);
    // Once more: the gate may have published its end between the first look and its own end.
    if (record && abandoned(*record))
        record = store_.load(id);
    if (record) {
        const bool left = abandoned(*record);
        if (left)
            settle(*record);
        return Entry{id, record->final || left, record->outcome == Outcome::refused,
                     left ? std::string() : record->ended};
    }
    if (record.error().code != Errc::absent) {
        fault(id, record.error().text);
        return Entry{.id = id};
    }
    // A power cut has taken what was in it; there is nothing to settle.
    if (older(id, leftover_age_ms) && ::unlinkat(dir_.get(), record_path(id).c_str(), 0) == 0)
        return std::nullopt;
    return Entry{.id = id};
}

static bool remove_dir(int at, const std::string& name) {
    const auto dir = open_at(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!dir)
        return false;
    each_entry(dir->get(), [](int in, const dirent& entry) {
        ::unlinkat(in, entry.d_name, 0); // a directory stays, and keeps this one
        return true;
    });
    return ::unlinkat(at, name.c_str(), AT_REMOVEDIR) == 0;
}

// A month's directory goes with its last record; a gate that is alive has one there.
bool Keeper::remove(const std::string& id) {
    if (::unlinkat(dir_.get(), record_path(id).c_str(), 0) != 0) {
        fault(id, "cannot be removed");
        return false;
    }
    if (const auto written = store_.journal_removal(id); !written)
        fault(id, written.error().text);
    const std::string month = month_of(id);
    if (month != rfc3339(now()).substr(0, 7))
        ::unlinkat(dir_.get(), ("records/" + month).c_str(), AT_REMOVEDIR);
    ++report_.removed;
    return true;
}

bool Keeper::believes_clock() {
    constexpr const char* jumped =
        "it has jumped since records were settled last: for a day nothing is removed for its age";
    const auto steady = look_at_clock(dir_.get());
    if (!steady || !*steady)
        fault("the clock", steady ? jumped : steady.error().text);
    return steady && *steady;
}

// The oldest first. But what is tried and refused again and again must not push out what was taken.
void Keeper::remove_old(std::vector<Entry>& entries, const config::Retention& limits) {
    const std::size_t most = limits.max_records;
    std::size_t above = entries.size() - std::min(entries.size(), most);
    const auto refused = static_cast<std::size_t>(std::ranges::count_if(entries, &Entry::refused));
    std::size_t spare = std::min(above, refused - std::min(refused, most / 2));
    std::erase_if(entries, [&](const Entry& entry) {
        if (spare == 0 || !entry.refused || !entry.ended || !remove(entry.id))
            return false;
        --spare;
        --above;
        return true;
    });
    const bool by_age = believes_clock();
    std::erase_if(entries, [&](const Entry& entry) {
        const bool due = above > 0 || (by_age && older(entry.id, limits.max_days * day_ms));
        if (!due || !entry.ended || !remove(entry.id))
            return false;
        above -= above > 0 ? 1 : 0;
        return true;
    });
}

// Logs of records that are there, the newest first, until the limit is reached; all others go.
void Keeper::remove_logs(const std::vector<Entry>& entries, std::uint64_t limit) {
    const auto logs = open_at(dir_.get(), "logs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!logs)
        return;
    std::vector<std::string> names;
    each_entry(logs->get(), [&](int, const dirent& entry) {
        if (valid_id(entry.d_name))
            names.emplace_back(entry.d_name);
        return names.size() < max_entries;
    });
    std::ranges::sort(names, std::greater{});
    std::uint64_t total = 0;
    for (const std::string& name : names) {
        bool keep =
            std::ranges::binary_search(entries, name, {}, &Entry::id) || !older(name, leftover_age_ms);
        if (keep && total <= limit) {
            const auto usage = read_dir_usage("/proc/self/fd/" + std::to_string(logs->get()) + "/" + name);
            total += usage ? usage->disk : 0;
        }
        if (keep && total <= limit)
            continue;
        if (remove_dir(logs->get(), name))
            ++report_.removed_logs;
        else
            fault("logs/" + name, "cannot be removed");
    }
}

void Keeper::renew_journal(std::uint64_t limit) {
    if (auto renewed = store_.renew_journal(limit); renewed)
        report_.new_journal = *renewed;
    else
        fault("journal", renewed.error().text);
}

Result<> Keeper::add_notes(const std::string& id, const std::vector<std::string>& notes) {
    TRY_ASSIGN(Record record, store_.load(id));
    if (is_later(record))
        return fail(Errc::unavailable, id + " is of a newer lpm");
    record.notes.insert(record.notes.end(), notes.begin(), notes.end());
    return store_.publish(record);
}

std::vector<std::string> Keeper::join_stand_stills(const std::string& run_dir) {
    report_ = {};
    for (const std::string& id : list_ended(run_dir)) {
        const auto note = read_ended(run_dir, id);
        auto record = note ? store_.load(id) : std::unexpected(note.error());
        if (record && !record->final)
            continue;
        if (record && !is_later(*record) && note->until >= note->pause.since) {
            record->stood_still_us = (note->until - note->pause.since) / 1000;
            if (auto written = store_.publish(*record); !written) {
                fault(id, written.error().text);
                continue;
            }
        }
        // What is no note, or of a record that is gone, is of no use later either.
        if (!record && record.error().code != Errc::absent)
            fault(id, record.error().text);
        remove_ended(run_dir, id);
    }
    return std::move(report_.faults);
}

SettleReport Keeper::run(const config::Retention& limits) {
    report_ = {};
    boot_ = boot_id();
    std::vector<Entry> entries;
    for (const std::string& id : list_records())
        if (auto entry = look(id))
            entries.push_back(*std::move(entry));
    if (complete_)
        complete_journal(entries);
    remove_old(entries, limits);
    if (complete_) // else logs would go whose records have not been seen
        remove_logs(entries, limits.max_log_bytes);
    renew_journal(limits.max_journal_bytes);
    report_.records = entries.size();
    return std::move(report_);
}

} // namespace lpm::record
