// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/tar.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include "base/text.hpp"

namespace lpm::node {

// Of a read, in bytes: small where most of an archive is passed over.
static constexpr std::size_t small_block = 32768;
static constexpr std::size_t big_block = 262144;
static constexpr std::int64_t end_mark_size = 1024;

struct TarReader::State {
    State(int fd, Ask asked, Tap tap)
        : ask(std::move(asked)), block(tap ? big_block : small_block), file(fd, std::move(tap)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { ::archive_read_free(archive); }

    Ask ask;
    std::vector<std::byte> block; // before `file`, which takes the tap
    FileBytes file;
    std::optional<ZstdBytes> unpacked;
    ::archive* archive = ::archive_read_new();
    std::optional<Error> failed; // of the stream below libarchive
    bool ended = false;
    bool end_mark = false;

    Bytes& bytes() { return unpacked ? static_cast<Bytes&>(*unpacked) : file; }

    static la_ssize_t read_block(::archive* archive, void* data, const void** to) {
        auto& state = *static_cast<State*>(data);
        auto asked = state.ask();
        auto count = asked ? state.bytes().read(state.block) : std::unexpected(std::move(asked).error());
        if (!count) {
            state.failed = std::move(count).error();
            ::archive_set_error(archive, EIO, "read");
            return -1;
        }
        *to = state.block.data();
        return static_cast<la_ssize_t>(*count);
    }

    static la_int64_t skip(::archive*, void* data, la_int64_t count) {
        return static_cast<la_int64_t>(
            static_cast<State*>(data)->bytes().skip(static_cast<std::uint64_t>(count)));
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

static bool is_zstd(int fd) {
    std::array<unsigned char, 4> magic{};
    return ::pread(fd, magic.data(), magic.size(), 0) == 4 &&
           magic == std::array<unsigned char, 4>{0x28, 0xb5, 0x2f, 0xfd};
}

Result<TarReader> TarReader::open(int fd, Ask ask, Tap tap) {
    auto state = std::make_unique<State>(fd, std::move(ask), std::move(tap));
    // libarchive would take any window of zstd.
    if (is_zstd(fd))
        state->unpacked.emplace(state->file);
    ::archive* archive = state->archive;
    ::archive_read_support_format_tar(archive);
    if (!state->unpacked)
        ::archive_read_support_filter_gzip(archive);
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
    archive_entry* entry = nullptr;
    const int result = ::archive_read_next_header(state_->archive, &entry);
    if (result == ARCHIVE_EOF) {
        state_->ended = true;
        // The header that would be next begins where the mark does; without a mark nothing was read behind
        // it.
        state_->end_mark =
            ::archive_filter_bytes(state_->archive, 0) - ::archive_read_header_position(state_->archive) >=
            end_mark_size;
        return std::optional<TarEntry>();
    }
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
        return state_->failure();
    const char* path = ::archive_entry_pathname(entry);
    std::string_view name = path == nullptr ? std::string_view() : std::string_view(path);
    while (name.starts_with("./"))
        name.remove_prefix(2);
    return TarEntry{.name = std::string(name),
                    .size = static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(entry), 0)),
                    .kind = kind_of(entry)};
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
    if (state_->unpacked)
        return "tar+zstd";
    return ::archive_filter_count(state_->archive) > 1 ? "tar+gzip" : "tar";
}

std::uint64_t TarReader::bytes_read() const {
    return state_->file.bytes_read();
}

Result<> TarReader::read_to_end() {
    for (;;) {
        TRY(state_->ask());
        TRY_ASSIGN(const std::size_t count, state_->file.read(state_->block));
        if (count == 0)
            return {};
    }
}

} // namespace lpm::node
