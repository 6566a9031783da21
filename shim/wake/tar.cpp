// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "tar.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <archive.h>
#include <archive_entry.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/text.hpp"

namespace lpm::wake {

static constexpr std::size_t block_size = 32768; // bytes of a read: most of an archive is passed over
static constexpr std::size_t record_size = 512;
static constexpr std::size_t max_header = std::size_t{1} << 20;     // bytes; of a usual one 512
static constexpr std::uint64_t max_sparse = std::uint64_t{1} << 40; // bytes that a file with holes may have
static constexpr std::size_t max_copied_at_once = std::size_t{1} << 30; // bytes, below what sendfile takes

// Fewer bytes at the end of the file only.
static Result<std::size_t> read_at(int fd, char* to, std::size_t count, std::uint64_t offset) {
    std::size_t done = 0;
    while (done < count) {
        const ssize_t n = ::pread(fd, to + done, count - done, static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return std::unexpected(Error{Errc::io, errno, std::string("read it: ") + std::strerror(errno)});
        if (n == 0)
            break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

struct Tar::State {
    State(int from, Extent extent) : fd(from), where(extent), block(block_size) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { ::archive_read_free(archive); }

    int fd;
    Extent where;
    std::uint64_t at = 0; // below `where`
    std::vector<char> block;
    std::optional<std::size_t> room; // what a header may still take
    ::archive* archive = ::archive_read_new();
    std::optional<Error> failed; // of the file below libarchive
    bool began = false;

    // libarchive reads extended headers and maps of sparse files without a limit.
    Result<std::size_t> next_block() {
        if (room && *room == 0)
            return fail(Errc::invalid, "a header has more than " + human_size(max_header));
        const std::size_t count = std::min<std::uint64_t>(block.size(), where.size - at);
        TRY_ASSIGN(const std::size_t done, read_at(fd, block.data(), count, where.offset + at));
        at += done;
        if (room)
            *room -= std::min(*room, done);
        return done;
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
        const auto skipped = std::min(static_cast<std::uint64_t>(count), state.where.size - state.at);
        state.at += skipped;
        return static_cast<la_int64_t>(skipped);
    }

    // Behind what libarchive has taken, below `where`.
    [[nodiscard]] std::uint64_t position() const {
        return static_cast<std::uint64_t>(::archive_filter_bytes(archive, 0));
    }

    // What libarchive has to say, unless the file below has failed.
    std::unexpected<Error> failure() {
        if (failed)
            return std::unexpected(*failed);
        const char* text = ::archive_error_string(archive);
        return fail(Errc::invalid, text == nullptr ? std::string("is damaged") : one_line(text, 200));
    }

    Result<> expect_end_mark(std::uint64_t begin) {
        char mark[2 * record_size];
        std::size_t there = 0;
        if (begin <= where.size && where.size - begin >= sizeof mark) {
            TRY_ASSIGN(there, read_at(fd, mark, sizeof mark, where.offset + begin));
        }
        if (there != sizeof mark || std::ranges::any_of(mark, [](char c) { return c != 0; }))
            return fail(Errc::invalid, "is cut off: tar's end mark is missing");
        return {};
    }

    // Blocks come in order, between them are holes.
    Result<> copy_pieces(std::uint64_t size, int to) {
        for (;;) {
            const void* data = nullptr;
            std::size_t count = 0;
            la_int64_t offset = 0;
            const int result = ::archive_read_data_block(archive, &data, &count, &offset);
            if (result == ARCHIVE_EOF)
                break;
            if (result < ARCHIVE_WARN)
                return failure();
            if (offset < 0 || static_cast<std::uint64_t>(offset) > size ||
                count > size - static_cast<std::uint64_t>(offset))
                return fail(Errc::invalid, "a sparse file has content behind its end");
            for (std::size_t done = 0; done < count;) {
                const ssize_t n = ::pwrite(to, static_cast<const char*>(data) + done, count - done,
                                           offset + static_cast<off_t>(done));
                if (n < 0 && errno != EINTR)
                    return fail_errno(errno, "write");
                done += n < 0 ? 0 : static_cast<std::size_t>(n);
            }
        }
        return ::ftruncate(to, static_cast<off_t>(size)) == 0 ? Result<>() : fail_errno(errno, "write");
    }
};

Tar::Tar(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tar::Tar(Tar&&) noexcept = default;
Tar& Tar::operator=(Tar&&) noexcept = default;
Tar::~Tar() = default;

Result<Tar> Tar::open(int fd, Extent where) {
    auto state = std::make_unique<State>(fd, where);
    ::archive* archive = state->archive;
    ::archive_read_support_format_tar(archive);
    ::archive_read_set_callback_data(archive, state.get());
    ::archive_read_set_read_callback(archive, State::read_block);
    ::archive_read_set_skip_callback(archive, State::skip);
    if (::archive_read_open1(archive) != ARCHIVE_OK)
        return state->failure();
    return Tar(std::move(state));
}

static Member::Kind kind_of(archive_entry* entry) {
    if (::archive_entry_hardlink(entry) != nullptr)
        return Member::Kind::hard_link;
    switch (::archive_entry_filetype(entry)) {
    case AE_IFREG:
        return Member::Kind::file;
    case AE_IFDIR:
        return Member::Kind::folder;
    case AE_IFLNK:
        return Member::Kind::link;
    case AE_IFIFO:
        return Member::Kind::fifo;
    default:
        return Member::Kind::other;
    }
}

static std::string text_of(const char* text) {
    return text == nullptr ? std::string() : std::string(text);
}

// "./a/b/" becomes "a/b", and "./" nothing: the root.
static std::string plain_name(std::string_view name) {
    while (name.starts_with("./"))
        name.remove_prefix(2);
    while (name.size() > 1 && name.ends_with('/'))
        name.remove_suffix(1);
    return std::string(name == "." ? "" : name);
}

// Of a user or a group: a number that chown does not take for "as it is".
static Result<unsigned> id_of(la_int64_t id, const std::string& name) {
    if (id < 0 || id >= UINT32_MAX)
        return fail(Errc::invalid, name + " has an owner that no file can have");
    return static_cast<unsigned>(id);
}

static Result<Member> member_of(archive_entry* entry) {
    Member member{.name = plain_name(text_of(::archive_entry_pathname(entry))), .kind = kind_of(entry)};
    if (member.kind == Member::Kind::link)
        member.target = text_of(::archive_entry_symlink(entry));
    if (member.kind == Member::Kind::hard_link)
        member.target = plain_name(text_of(::archive_entry_hardlink(entry)));
    if (member.kind == Member::Kind::file)
        member.size = static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(entry), 0));
    member.mode = ::archive_entry_perm(entry);
    TRY_ASSIGN(member.uid, id_of(::archive_entry_uid(entry), member.name));
    TRY_ASSIGN(member.gid, id_of(::archive_entry_gid(entry), member.name));
    member.modified = {::archive_entry_mtime(entry),
                       std::clamp(::archive_entry_mtime_nsec(entry), 0L, 999'999'999L)};
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    ::archive_entry_xattr_reset(entry);
    while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
        member.attributes.emplace_back(text_of(name), std::string(static_cast<const char*>(value), size));
    return member;
}

Result<std::optional<Member>> Tar::next() {
    // Before the limit of a header holds.
    if (state_->began && ::archive_read_data_skip(state_->archive) < ARCHIVE_WARN)
        return state_->failure();
    const std::uint64_t begin = state_->began ? state_->position() : 0;
    state_->began = true;
    state_->room = max_header;
    archive_entry* entry = nullptr;
    const int result = ::archive_read_next_header(state_->archive, &entry);
    state_->room.reset();
    if (result == ARCHIVE_EOF) {
        TRY(state_->expect_end_mark(begin));
        return std::optional<Member>();
    }
    // A warning: that a name is no text of our locale, which is C, so that it comes as the bytes that it is.
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
        return state_->failure();
    TRY_ASSIGN(Member member, member_of(entry));
    const std::uint64_t offset = state_->position();
    if (::archive_entry_sparse_count(entry) == 0) {
        if (offset > state_->where.size || member.size > state_->where.size - offset)
            return fail(Errc::invalid, "is cut off: " + member.name + " ends behind its end");
        member.content = Extent{state_->where.offset + offset, member.size};
    } else if (member.size > max_sparse) {
        return fail(Errc::invalid, member.name + " has more than " + human_size(max_sparse));
    }
    return member;
}

Result<> Tar::copy(const Member& member, int to) {
    if (!member.content)
        return state_->copy_pieces(member.size, to);
    auto offset = static_cast<off_t>(member.content->offset);
    for (std::uint64_t left = member.size; left > 0;) {
        const std::size_t count = std::min<std::uint64_t>(left, max_copied_at_once);
        const ssize_t n = ::sendfile(to, state_->fd, &offset, count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(errno, "write");
        if (n == 0)
            return fail(Errc::invalid, member.name + " is cut off");
        left -= static_cast<std::uint64_t>(n);
    }
    return {};
}

Result<std::string> read_extent(int fd, Extent where, std::size_t limit) {
    if (where.size > limit)
        return fail(Errc::invalid, "has more than " + human_size(limit));
    std::string text(where.size, '\0');
    TRY_ASSIGN(const std::size_t done, read_at(fd, text.data(), text.size(), where.offset));
    text.resize(done);
    return text;
}

} // namespace lpm::wake
