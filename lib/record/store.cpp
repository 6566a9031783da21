// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/store.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/file.hpp"
#include "base/text.hpp"
#include "record/journal.hpp"
#include "record/journal_files.hpp"

namespace lpm::record {

static constexpr std::size_t max_record = std::size_t{1} << 20;
Result<Store> Store::open_existing(const std::string& dir) {
    TRY_ASSIGN(Fd fd, open_at(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY));
    return Store(std::move(fd), dir);
}

Result<Store> Store::open(const std::string& dir) {
    auto fd = open_at(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
    if (!fd && fd.error().sys == ENOENT) {
        if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST)
            return fail_errno(errno, "make directory " + dir);
        fd = open_at(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
    }
    if (!fd)
        return std::unexpected(std::move(fd).error());
    return Store(*std::move(fd), dir);
}

std::uint64_t milliseconds_of(std::string_view id) {
    std::uint64_t ms = 0;
    for (const char c : id.substr(0, 10))
        ms = ms << 5 | (ulid_alphabet.find(c) & 31U);
    return ms;
}

std::string month_of(std::string_view id) {
    return rfc3339({static_cast<time_t>(milliseconds_of(id) / 1000), 0}).substr(0, 7);
}

static std::string file_name(std::string_view id) {
    return std::string(id).append(record_suffix);
}

std::string record_path(std::string_view id) {
    return "records/" + month_of(id) + "/" + file_name(id);
}

Result<> Store::write(int month, const Record& record) {
    if (record.final && reservation_ && reservation_->id == record.id)
        return reservation_->draft.publish(write_record(record), Sync::content);
    return replace_file(month, file_name(record.id), write_record(record), 0640,
                        record.final ? Sync::content : Sync::none);
}

Result<> Store::publish(const Record& record) {
    TRY_ASSIGN(const Fd month, make_dirs(dir_.get(), "records/" + month_of(record.id), record.final));
    TRY(write(month.get(), record));
    TRY(append_journal(record));
    // The journal is synced first: on ext4 that commits the rename too, and the directory's turn costs
    // nothing.
    return record.final ? sync_dir(month.get()) : Result<>{};
}

Result<> Store::settle_intent(const Record& intent) {
    constexpr std::size_t usual_size = 8192;
    TRY_ASSIGN(Fd month, make_dirs(dir_.get(), "records/" + month_of(intent.id), true));
    TRY_ASSIGN(const Fd file, open_at(month.get(), file_name(intent.id), O_RDONLY | O_NOFOLLOW));
    if (::fsync(file.get()) != 0)
        return fail_errno(errno, "sync record");
    // That has committed the journal's new length on ext4, but not what is written there.
    TRY_ASSIGN(const Fd journals, make_dirs(dir_.get(), journal_dir));
    TRY_ASSIGN(const unsigned newest, newest_generation(journals.get()));
    TRY_ASSIGN(const Fd journal, open_at(journals.get(), journal_name(newest), O_RDONLY | O_NOFOLLOW));
    if (::fdatasync(journal.get()) != 0)
        return fail_errno(errno, "sync journal");
    TRY_ASSIGN(Draft draft, Draft::make_ahead(month.get(), file_name(intent.id), 0640, usual_size));
    reservation_.emplace(intent.id, std::move(month), std::move(draft));
    return {};
}

Result<> Store::append_journal(const Record& record) {
    TRY_ASSIGN(const Fd dir, make_dirs(dir_.get(), journal_dir));
    return append_line(dir.get(), write_journal_line(record), record.final);
}

Result<> Store::journal_removal(std::string_view id) {
    TRY_ASSIGN(const Fd dir, make_dirs(dir_.get(), journal_dir));
    return append_line(dir.get(), write_removal_line(id), false);
}

Result<bool> Store::renew_journal(std::uint64_t limit) {
    TRY_ASSIGN(const Fd dir, make_dirs(dir_.get(), journal_dir));
    return renew_generation(dir.get(), limit);
}

Result<Record> Store::load(std::string_view id) const {
    if (!valid_id(id))
        return fail(Errc::invalid, "not a record id: " + one_line(id, 64));
    TRY_ASSIGN(const std::string text, read_file(dir_.get(), record_path(id), max_record));
    if (text.empty())
        return fail(Errc::absent, "the record is empty: a power cut took the intent");
    return parse_record(text);
}

Result<Fd> Store::make_log_dir(std::string_view id) {
    return make_dirs(dir_.get(), "logs/" + std::string(id));
}

std::string Store::log_dir(std::string_view id) const {
    return path_ + "/logs/" + std::string(id);
}

} // namespace lpm::record
