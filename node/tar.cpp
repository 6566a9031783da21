// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/tar.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include "base/text.hpp"

namespace lpm::node {

// Of a read, in bytes: small where most of an archive is passed over.
static constexpr std::size_t small_block = 32768;
static constexpr std::size_t big_block = 262144;
static constexpr std::size_t end_mark_size = 1024;
static constexpr std::size_t max_header = std::size_t{1} << 20; // bytes; of a usual one 512

struct TarReader::State {
    State(int fd, Ask asked, Tap tap)
        : ask(std::move(asked)), block(tap ? big_block : small_block), bytes(fd, std::move(tap)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { ::archive_read_free(archive); }

    Ask ask;
    std::vector<std::byte> block; // before `bytes`, which take the tap
    // libarchive would take any window of zstd, and does not look at gzip's checksum.
    Unpacked bytes;
    std::uint64_t at = 0; // of the tar, behind `block`
    std::size_t in_block = 0;
    std::string before;              // the end of what came directly before `block`
    std::optional<std::size_t> room; // what a header may still take
    ::archive* archive = ::archive_read_new();
    std::optional<Error> failed; // of the stream below libarchive
    bool began = false;
    bool end_mark = false;

    // libarchive reads extended headers and maps of sparse files without a limit.
    Result<std::size_t> next_block() {
        TRY(ask());
        if (room && *room == 0)
            return fail(Errc::invalid, "a header has more than " + human_size(max_header));
        keep_end();
        TRY_ASSIGN(in_block, bytes.read(block));
        at += in_block;
        if (room)
            *room -= std::min(*room, in_block);
        return in_block;
    }

    void keep_end() {
        before.append(reinterpret_cast<const char*>(block.data()), in_block);
        if (before.size() > end_mark_size)
            before.erase(0, before.size() - end_mark_size);
    }

    // The tar up to `position` ends with two records of zeros.
    [[nodiscard]] bool has_mark_before(std::uint64_t position) const {
        const std::uint64_t begin = at - in_block; // of the block
        if (position < begin || position > at)
            return false;
        std::string end = before;
        end.append(reinterpret_cast<const char*>(block.data()), static_cast<std::size_t>(position - begin));
        return end.size() >= end_mark_size &&
               std::ranges::all_of(end.substr(end.size() - end_mark_size), [](char c) { return c == 0; });
    }

    static la_ssize_t read_block(::archive* archive, void* data, const void** to) {
        auto& state = *static_cast<State*>(data);
        auto count = state.next_block();
        if (!count) {
            state.failed = std::move(count).error();
            ::archive_set_error(archive, EIO, "read");
            return -1;
        }
        *to = state.block.data();
        return static_cast<la_ssize_t>(*count);
    }

    static la_int64_t skip(::archive*, void* data, la_int64_t count) {
        auto& state = *static_cast<State*>(data);
        const std::uint64_t skipped = state.bytes.skip(static_cast<std::uint64_t>(count));
        if (skipped > 0) {
            state.at += skipped;
            state.in_block = 0;
            state.before.clear();
        }
        return static_cast<la_int64_t>(skipped);
    }

    // What libarchive has to say, unless the stream below has failed.
    std::unexpected<Error> failure() {
        if (failed)
            return std::unexpected(*failed);
        const char* text = ::archive_error_string(archive);
        return fail(Errc::invalid, text == nullptr ? std::string("is damaged") : one_line(text, 200));
    }
};

TarReader::TarReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
TarReader::TarReader(TarReader&&) noexcept = default;
TarReader& TarReader::operator=(TarReader&&) noexcept = default;
TarReader::~TarReader() = default;

Result<TarReader> TarReader::open(int fd, Ask ask, Tap tap) {
    auto state = std::make_unique<State>(fd, std::move(ask), std::move(tap));
    ::archive* archive = state->archive;
    ::archive_read_support_format_tar(archive);
    ::archive_read_set_callback_data(archive, state.get());
    ::archive_read_set_read_callback(archive, State::read_block);
    ::archive_read_set_skip_callback(archive, State::skip);
    if (::archive_read_open1(archive) != ARCHIVE_OK)
        return state->failure();
    return TarReader(std::move(state));
}

static TarEntry::Kind kind_of(archive_entry* entry) {
    if (::archive_entry_hardlink(entry) != nullptr)
        return TarEntry::Kind::other;
    switch (::archive_entry_filetype(entry)) {
    case AE_IFREG:
        return TarEntry::Kind::file;
    case AE_IFDIR:
        return TarEntry::Kind::folder;
    default:
        return TarEntry::Kind::other;
    }
}

Result<std::optional<TarEntry>> TarReader::next() {
    TRY(state_->ask());
    // Before the limit of a header holds.
    if (state_->began && ::archive_read_data_skip(state_->archive) < ARCHIVE_WARN)
        return state_->failure();
    state_->began = true;
    state_->room = max_header;
    archive_entry* entry = nullptr;
    const int result = ::archive_read_next_header(state_->archive, &entry);
    state_->room.reset();
    if (result == ARCHIVE_EOF) {
        const auto position = static_cast<std::uint64_t>(::archive_filter_bytes(state_->archive, 0));
        state_->end_mark = state_->has_mark_before(position);
        return std::optional<TarEntry>();
    }
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
        return state_->failure();
    const char* path = ::archive_entry_pathname(entry);
    std::string_view name = path == nullptr ? std::string_view() : std::string_view(path);
    while (name.starts_with("./"))
        name.remove_prefix(2);
    TarEntry found{.name = std::string(name),
                   .size = static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(entry), 0)),
                   .kind = kind_of(entry)};
    if (::archive_entry_sparse_count(entry) == 0)
        found.offset = static_cast<std::uint64_t>(::archive_filter_bytes(state_->archive, 0));
    return found;
}

Result<std::string> TarReader::read(std::size_t limit) {
    std::string content;
    char part[16384];
    for (;;) {
        TRY(state_->ask());
        const la_ssize_t size = ::archive_read_data(state_->archive, part, sizeof part);
        if (size == 0)
            return content;
        if (size < 0)
            return state_->failure();
        if (content.size() + static_cast<std::size_t>(size) > limit)
            return fail(Errc::unavailable, "has more than " + human_size(limit));
        content.append(part, static_cast<std::size_t>(size));
    }
}

bool TarReader::has_end_mark() const {
    return state_->end_mark;
}

std::string TarReader::format() const {
    return "tar" + std::string(state_->bytes.packing());
}

std::uint64_t TarReader::bytes_read() const {
    return state_->bytes.file().bytes_read();
}

// Unpacked first: a checksum lies at the end of what is packed.
Result<> TarReader::read_to_end() {
    Result<> damage;
    for (Bytes* const bytes :
         {static_cast<Bytes*>(&state_->bytes), static_cast<Bytes*>(&state_->bytes.file())})
        for (;;) {
            TRY(state_->ask());
            const auto count = bytes->read(state_->block);
            if (!count && count.error().code != Errc::invalid)
                return std::unexpected(count.error());
            if (!count)
                damage = std::unexpected(count.error());
            if (!count || *count == 0)
                break;
        }
    return damage;
}

} // namespace lpm::node
