// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/store.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "json/json.hpp"

namespace lpm::record {

static constexpr std::size_t max_record = std::size_t{1} << 20;
// The journal's file now. A later generation begins a new file; positions are generation and byte offset.
static constexpr const char* journal_dir = "journal";
static constexpr std::string_view journal_suffix = ".jsonl";
static constexpr const char* first_journal = "00000001.jsonl";
static constexpr const char* current_journal = "current";

// "00000042.jsonl" is 42; 0 for other names.
static unsigned generation_of(std::string_view name) {
    constexpr std::size_t digits = 8;
    if (name.size() != digits + std::string_view(journal_suffix).size() || !name.ends_with(journal_suffix))
        return 0;
    return to_number<unsigned>(name.substr(0, digits)).value_or(0);
}

// The newest generation, which the link `current` names. A link that leads elsewhere is not followed.
static Result<Fd> open_journal(int dir, int flags) {
    std::array<char, 64> name{};
    const ssize_t size = ::readlinkat(dir, current_journal, name.data(), name.size());
    if (size < 0 && errno != EINVAL) // no link
        return fail_errno(errno, "journal/current");
    const std::string generation(name.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    if (generation_of(generation) == 0)
        return fail(Errc::invalid,
                    "journal/current is no link to a file of the journal; lpm-gate --settle mends it");
    return open_at(dir, generation, flags | O_NOFOLLOW, 0600);
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
    return replace_file(month, file_name(record.id), write_record(record), 0600,
                        record.final ? Sync::content : Sync::none);
}

Result<> Store::publish(const Record& record) {
    TRY_ASSIGN(const Fd month, make_dirs(dir_.get(), "records/" + month_of(record.id)));
    TRY(write(month.get(), record));
    TRY(append_journal(record));
    // The journal is synced first: on ext4 that commits the rename too, and the directory's turn costs
    // nothing.
    return record.final ? sync_dir(month.get()) : Result<>{};
}

Result<> Store::settle_intent(const Record& intent) {
    constexpr std::size_t usual_size = 8192;
    TRY_ASSIGN(Fd month, make_dirs(dir_.get(), "records/" + month_of(intent.id)));
    TRY_ASSIGN(const Fd file, open_at(month.get(), file_name(intent.id), O_RDONLY | O_NOFOLLOW));
    if (::fsync(file.get()) != 0)
        return fail_errno(errno, "sync record");
    // That has committed the journal's new length on ext4, but not what is written there.
    TRY_ASSIGN(const Fd journals, make_dirs(dir_.get(), journal_dir));
    TRY_ASSIGN(const Fd journal, open_journal(journals.get(), O_RDONLY));
    if (::fdatasync(journal.get()) != 0)
        return fail_errno(errno, "sync journal");
    TRY_ASSIGN(Draft draft, Draft::make_ahead(month.get(), file_name(intent.id), 0600, usual_size));
    reservation_.emplace(intent.id, std::move(month), std::move(draft));
    return {};
}

Result<> Store::append_journal(const Record& record) {
    TRY_ASSIGN(const Fd dir, make_dirs(dir_.get(), journal_dir));
    auto file = open_journal(dir.get(), O_RDWR | O_APPEND | O_CREAT);
    if (!file && file.error().sys == ENOENT) {
        if (::symlinkat(first_journal, dir.get(), current_journal) != 0 && errno != EEXIST)
            return fail_errno(errno, "link journal/current");
        file = open_journal(dir.get(), O_RDWR | O_APPEND | O_CREAT);
    }
    if (!file)
        return std::unexpected(std::move(file).error());
    struct stat st{};
    if (::fstat(file->get(), &st) != 0 || !S_ISREG(st.st_mode))
        return fail(Errc::invalid, "journal is not a regular file");
    std::string line = json::write({{"id", record.id},
                                    {"state", record.final ? "final" : "intent"},
                                    {"operation", record.operation.text()},
                                    {"outcome", record.outcome.text()},
                                    {"container", record.container},
                                    {"time", record.final ? record.ended : record.started}}) +
                       "\n";
    // A power cut may have left half a line: end it, so that it spoils no other.
    char last = '\n';
    if (st.st_size > 0 && ::pread(file->get(), &last, 1, st.st_size - 1) == 1 && last != '\n')
        line.insert(0, "\n");
    TRY(write_all(file->get(), line));
    if (record.final && ::fdatasync(file->get()) != 0)
        return fail_errno(errno, "sync journal");
    return {};
}

static std::string journal_name(unsigned generation) {
    const std::string number = std::to_string(generation);
    return std::string(8 - std::min<std::size_t>(8, number.size()), '0') + number +
           std::string(journal_suffix);
}

Result<bool> Store::renew_journal(std::uint64_t limit) {
    constexpr unsigned kept = 4;
    TRY_ASSIGN(const Fd dir, make_dirs(dir_.get(), journal_dir));
    struct stat st{};
    const auto newest = open_journal(dir.get(), O_PATH);
    if (newest && ::fstat(newest->get(), &st) == 0 && std::cmp_less_equal(st.st_size, limit))
        return false;
    if (!newest && newest.error().sys == ENOENT)
        return false; // nobody has written yet
    std::vector<unsigned> generations;
    each_entry(dir.get(), [&](int, const dirent& entry) {
        if (const unsigned generation = generation_of(entry.d_name); generation > 0)
            generations.push_back(generation);
        return true;
    });
    const unsigned next = generations.empty() ? 1 : std::ranges::max(generations) + 1;
    const std::string name = journal_name(next);
    TRY(open_at(dir.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    constexpr const char* draft = ".current";
    ::unlinkat(dir.get(), draft, 0);
    if (::symlinkat(name.c_str(), dir.get(), draft) != 0 ||
        ::renameat(dir.get(), draft, dir.get(), current_journal) != 0)
        return fail_errno(errno, "link journal/current");
    TRY(sync_dir(dir.get()));
    for (const unsigned generation : generations)
        if (generation + kept <= next)
            ::unlinkat(dir.get(), journal_name(generation).c_str(), 0);
    return true;
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
