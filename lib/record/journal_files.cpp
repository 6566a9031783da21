// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/journal_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/dir.hpp"
#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/text.hpp"

namespace lpm::record {

static constexpr std::size_t digits = 8;
static constexpr std::string_view suffix = ".jsonl";
static constexpr const char* current = "current";

// 0 for names of other files.
static unsigned generation_of(std::string_view name) {
    if (name.size() != digits + suffix.size() || !name.ends_with(suffix))
        return 0;
    return to_number<unsigned>(name.substr(0, digits)).value_or(0);
}

std::string journal_name(unsigned generation) {
    const std::string number = std::to_string(generation);
    return std::string(digits - std::min(digits, number.size()), '0') + number + std::string(suffix);
}

Result<unsigned> newest_generation(int dir) {
    std::array<char, 64> name{};
    const ssize_t size = ::readlinkat(dir, current, name.data(), name.size());
    if (size < 0 && errno != EINVAL) // no link
        return fail_errno(errno, "journal/current");
    const std::string_view target(name.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    const unsigned generation = generation_of(target);
    if (generation == 0)
        return fail(Errc::invalid,
                    "journal/current is no link to a file of the journal; lpm-gate --settle mends it");
    return generation;
}

// The first line makes the first generation.
static Result<unsigned> generation_to_write(int dir) {
    auto newest = newest_generation(dir);
    if (newest || newest.error().sys != ENOENT)
        return newest;
    if (::symlinkat(journal_name(1).c_str(), dir, current) != 0 && errno != EEXIST)
        return fail_errno(errno, "link journal/current");
    return newest_generation(dir);
}

static Result<> append_to(int dir, unsigned generation, std::string_view line, bool durable) {
    TRY_ASSIGN(const Fd file,
               open_at(dir, journal_name(generation), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0640));
    struct stat st{};
    if (::fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode))
        return fail(Errc::invalid, "journal is not a regular file");
    if (st.st_size == 0)
        (void)::fchmod(file.get(), 0640); // whatever the umask of who calls us
    // A power cut may have left half a line: end it, so that it spoils no other.
    char last = '\n';
    std::string text(line);
    if (st.st_size > 0 && ::pread(file.get(), &last, 1, st.st_size - 1) == 1 && last != '\n')
        text.insert(0, "\n");
    TRY(write_all(file.get(), text));
    if (durable && ::fdatasync(file.get()) != 0)
        return fail_errno(errno, "sync journal");
    return {};
}

// Readers leave a generation for good when they have seen the next one and then its end. If there is a next
// one after the line was written, they may have left before: then the line is there as well.
Result<> append_line(int dir, std::string_view line, bool durable) {
    TRY_ASSIGN(unsigned generation, generation_to_write(dir));
    for (;;) {
        TRY(append_to(dir, generation, line, durable));
        const auto newest = newest_generation(dir);
        if (!newest || *newest <= generation)
            return {};
        generation = *newest;
    }
}

static std::vector<unsigned> list_generations(int dir) {
    std::vector<unsigned> generations;
    each_entry(dir, [&](int, const dirent& entry) {
        if (const unsigned generation = generation_of(entry.d_name); generation > 0)
            generations.push_back(generation);
        return true;
    });
    return generations;
}

unsigned oldest_generation(int dir) {
    const auto generations = list_generations(dir);
    return generations.empty() ? 1 : std::ranges::min(generations);
}

Result<bool> renew_generation(int dir, std::uint64_t limit) {
    constexpr unsigned kept = 4;
    const auto newest = newest_generation(dir);
    const auto file =
        newest ? open_at(dir, journal_name(*newest), O_PATH | O_NOFOLLOW) : std::unexpected(newest.error());
    if (!file && file.error().sys == ENOENT)
        return false; // nobody has written yet
    struct stat st{};
    if (file && ::fstat(file->get(), &st) == 0 && std::cmp_less_equal(st.st_size, limit))
        return false;
    const std::vector<unsigned> generations = list_generations(dir);
    const unsigned next = generations.empty() ? 1 : std::ranges::max(generations) + 1;
    const std::string name = journal_name(next);
    TRY(open_at(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0640));
    constexpr const char* draft = ".current";
    ::unlinkat(dir, draft, 0);
    if (::symlinkat(name.c_str(), dir, draft) != 0 || ::renameat(dir, draft, dir, current) != 0)
        return fail_errno(errno, "link journal/current");
    TRY(sync_dir(dir));
    for (const unsigned generation : generations)
        if (generation + kept <= next)
            ::unlinkat(dir, journal_name(generation).c_str(), 0);
    return true;
}

} // namespace lpm::record
