// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/journal.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/text.hpp"
#include "record/journal_files.hpp"
#include "json/json.hpp"

namespace lpm::record {

// The longest line that a gate can write: the name of a container is a word of its command line, of at most
// 128 KiB, and JSON has up to six bytes for one of it.
static constexpr std::size_t max_line = std::size_t{1} << 20;
static constexpr std::size_t usual_read = std::size_t{64} << 10;

std::string JournalPosition::text() const {
    return std::to_string(generation) + ":" + std::to_string(offset);
}

std::optional<JournalPosition> JournalPosition::parse(std::string_view text) {
    constexpr unsigned most = 99'999'999; // eight digits
    const auto generation = to_number<unsigned>(next_part(text, ':'));
    const auto offset = to_number<std::uint64_t>(text);
    if (!generation || !offset || *generation == 0 || *generation > most || *offset > INT64_MAX)
        return std::nullopt;
    return JournalPosition{*generation, *offset};
}

std::string write_journal_line(const Record& record) {
    return json::write({{"id", record.id},
                        {"state", name_of(state_of(record))},
                        {"operation", record.operation.text()},
                        {"outcome", record.outcome.text()},
                        {"container", record.container},
                        {"time", record.final ? record.ended : record.started}}) +
           "\n";
}

std::string write_removal_line(std::string_view id) {
    return json::write({{"id", id}, {"state", name_of(Change::removed)}, {"time", rfc3339(now())}}) + "\n";
}

Result<JournalEntry> parse_journal_line(std::string_view line) {
    TRY_ASSIGN(const json::Value root, json::parse(line, {.bytes = max_line}));
    JournalEntry entry;
    entry.id = json::text_or_empty(root, "id");
    if (!valid_id(entry.id))
        return fail(Errc::invalid, "not a line of the journal: no valid id");
    entry.state = Word<Change>::read(json::text_or_empty(root, "state"));
    entry.operation = Word<Operation>::read(json::text_or_empty(root, "operation"));
    entry.outcome = Word<Outcome>::read(json::text_or_empty(root, "outcome"));
    entry.container = json::text_or_empty(root, "container");
    entry.time = json::text_or_empty(root, "time");
    return entry;
}

static std::unexpected<Error> fail_gone(JournalPosition position) {
    return fail(Errc::absent,
                "the journal has no position " + position.text() + " any more: list the records again");
}

// Up to `size` bytes of the file from `offset` on; fewer only at its end.
static Result<std::string> read_part(int file, std::uint64_t offset, std::size_t size) {
    std::string part(size, '\0');
    std::size_t used = 0;
    while (used < size) {
        const ssize_t n = ::pread(file, part.data() + used, size - used, static_cast<off_t>(offset + used));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(errno, "read journal");
        if (n == 0)
            break;
        used += static_cast<std::size_t>(n);
    }
    part.resize(used);
    return part;
}

// The line at the batch's position, without its end.
static void take_line(std::string_view line, JournalBatch& batch) {
    batch.next.offset += line.size() + 1;
    if (line.empty())
        return; // two gates ended the same half of a line
    auto entry = parse_journal_line(line);
    if (!entry) {
        ++batch.skipped;
        return;
    }
    entry->next = batch.next;
    batch.entries.push_back(*std::move(entry));
}

// Moves behind a line that is too long; false when it has no end yet.
static Result<bool> skip_long_line(int file, JournalBatch& batch) {
    for (std::uint64_t at = batch.next.offset;;) {
        TRY_ASSIGN(const std::string part, read_part(file, at, usual_read));
        const auto end = part.find('\n');
        if (end != std::string::npos) {
            batch.next.offset = at + end + 1;
            ++batch.skipped;
            return true;
        }
        if (part.size() < usual_read)
            return false;
        at += part.size();
    }
}

// Whole lines, until the file ends or `limit` entries are there.
static Result<> read_lines(int file, std::size_t limit, JournalBatch& batch) {
    std::size_t size = usual_read;
    while (batch.entries.size() < limit) {
        const std::uint64_t before = batch.next.offset;
        TRY_ASSIGN(const std::string part, read_part(file, before, size));
        std::string_view rest = part;
        for (auto end = rest.find('\n'); end != std::string_view::npos && batch.entries.size() < limit;
             end = rest.find('\n')) {
            take_line(rest.substr(0, end), batch);
            rest.remove_prefix(end + 1);
        }
        if (part.size() < size)
            return {};
        const bool moved = batch.next.offset != before;
        if (!moved && size == max_line) {
            TRY_ASSIGN(const bool ended, skip_long_line(file, batch));
            if (!ended)
                return {};
        }
        size = moved || size == max_line ? usual_read : max_line;
    }
    return {};
}

// The file of the position; an Fd that is none when nobody has written into it yet.
static Result<Fd> open_file(int dir, unsigned newest, JournalPosition position) {
    auto file = open_at(dir, journal_name(position.generation), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!file && file.error().sys == ENOENT)
        return position.generation == newest && position.offset == 0 ? Result<Fd>(Fd()) : fail_gone(position);
    if (!file)
        return file;
    struct stat st{};
    if (::fstat(file->get(), &st) != 0 || !S_ISREG(st.st_mode))
        return fail(Errc::invalid, "journal is not a regular file");
    char last = '\n';
    if (position.offset > 0 &&
        (::pread(file->get(), &last, 1, static_cast<off_t>(position.offset - 1)) != 1 || last != '\n'))
        return fail_gone(position);
    return file;
}

// Reads the file of the batch's position. True when there is a next one to go on with.
static Result<bool> read_generation(int dir, std::size_t limit, JournalBatch& batch) {
    // Asked before the file is read: when there is a newer one, this one has all that it will ever have.
    auto newest = newest_generation(dir);
    if (!newest && newest.error().sys == ENOENT)
        newest = 1;
    if (!newest)
        return std::unexpected(newest.error());
    if (*newest < batch.next.generation)
        return fail_gone(batch.next);
    TRY_ASSIGN(const Fd file, open_file(dir, *newest, batch.next));
    if (file)
        TRY(read_lines(file.get(), limit, batch));
    if (batch.entries.size() >= limit || *newest == batch.next.generation)
        return false;
    batch.next = {batch.next.generation + 1, 0};
    return true;
}

Result<Fd> Journal::open_dir() const {
    return open_at(AT_FDCWD, store_ + "/" + journal_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Result<JournalBatch> Journal::read_from(JournalPosition position, std::size_t limit) const {
    JournalBatch batch;
    batch.next = position;
    const auto dir = open_dir();
    if (!dir && dir.error().sys == ENOENT)
        return position == JournalPosition{} ? Result<JournalBatch>(std::move(batch)) : fail_gone(position);
    if (!dir)
        return std::unexpected(dir.error());
    for (;;) {
        const auto more = read_generation(dir->get(), limit, batch);
        // What was read before is handed out first; the next call says the error.
        if (!more && batch.next == position)
            return std::unexpected(more.error());
        if (!more || !*more)
            return batch;
    }
}

Result<JournalPosition> Journal::begin() const {
    const auto dir = open_dir();
    if (!dir && dir.error().sys == ENOENT)
        return JournalPosition{};
    if (!dir)
        return std::unexpected(dir.error());
    return JournalPosition{oldest_generation(dir->get()), 0};
}

Result<JournalPosition> Journal::end() const {
    const auto dir = open_dir();
    auto newest = dir ? newest_generation(dir->get()) : std::unexpected(dir.error());
    if (!newest && newest.error().sys == ENOENT)
        return JournalPosition{};
    if (!newest)
        return std::unexpected(newest.error());
    JournalPosition position{*newest, 0};
    TRY_ASSIGN(const Fd file, open_file(dir->get(), *newest, position));
    struct stat st{};
    if (!file || ::fstat(file.get(), &st) != 0)
        return position;
    // A line may be half written, by a gate that is at it or before a power cut.
    const auto size = static_cast<std::uint64_t>(st.st_size);
    for (std::uint64_t end = size; end > 0;) {
        const std::uint64_t begin = end - std::min<std::uint64_t>(end, usual_read);
        TRY_ASSIGN(const std::string part, read_part(file.get(), begin, end - begin));
        if (const auto last = part.rfind('\n'); last != std::string::npos) {
            position.offset = begin + last + 1;
            break;
        }
        end = begin;
    }
    return position;
}

} // namespace lpm::record
