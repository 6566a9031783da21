// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/bytes.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace lpm::node {

FileBytes::FileBytes(int fd, Tap tap) : fd_(fd), tap_(std::move(tap)) {
    struct stat info{};
    size_ = ::fstat(fd, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

Result<std::size_t> FileBytes::read(std::span<std::byte> to) {
    ssize_t size = 0;
    do
        size = ::pread(fd_, to.data(), to.size(), static_cast<off_t>(at_));
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return fail_errno(errno, "read");
    const auto count = static_cast<std::size_t>(size);
    at_ += count;
    read_ += count;
    if (tap_)
        tap_(to.first(count));
    return count;
}

std::uint64_t FileBytes::skip(std::uint64_t count) {
    if (tap_ || at_ >= size_)
        return 0;
    count = std::min(count, size_ - at_);
    at_ += count;
    return count;
}

// What came before a fault is still good.
static Result<std::size_t> unpacked_or(std::size_t count, const std::optional<Error>& failure) {
    return count == 0 && failure ? Result<std::size_t>(std::unexpected(*failure)) : count;
}

struct GzipBytes::State {
    static constexpr int gzip_only =
        15 + 16; // the largest window, and a header of gzip (zlib.h, inflateInit2)
    z_stream stream{};
    std::vector<std::byte> packed = std::vector<std::byte>(131072);
    bool in_member = true;
    std::optional<Error> failure;

    State() { ::inflateInit2(&stream, gzip_only); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { ::inflateEnd(&stream); }
};

GzipBytes::GzipBytes(Bytes& packed) : packed_(packed), state_(std::make_unique<State>()) {}
GzipBytes::~GzipBytes() = default;

Result<std::size_t> GzipBytes::read(std::span<std::byte> to) {
    if (state_->failure)
        return std::unexpected(*state_->failure);
    z_stream& stream = state_->stream;
    stream.next_out = reinterpret_cast<Bytef*>(to.data());
    stream.avail_out = static_cast<uInt>(to.size());
    while (stream.avail_out == to.size()) {
        if (stream.avail_in == 0) {
            TRY_ASSIGN(const std::size_t count, packed_.read(state_->packed));
            if (count == 0 && state_->in_member)
                return fail(Errc::invalid, "the packed stream ends in the middle");
            if (count == 0)
                return 0;
            stream.next_in = reinterpret_cast<Bytef*>(state_->packed.data());
            stream.avail_in = static_cast<uInt>(count);
        }
        if (!state_->in_member) {
            ::inflateReset(&stream);
            state_->in_member = true;
        }
        const int done = ::inflate(&stream, Z_NO_FLUSH);
        if (done == Z_STREAM_END)
            state_->in_member = false;
        else if (done != Z_OK && done != Z_BUF_ERROR) {
            state_->failure = Error{Errc::invalid, 0,
                                    std::string("gzip: ") + (stream.msg == nullptr ? "damaged" : stream.msg)};
            break;
        }
    }
    return unpacked_or(to.size() - stream.avail_out, state_->failure);
}

struct ZstdBytes::State {
    static constexpr int window_log = 23;
    ZSTD_DCtx* context = ZSTD_createDCtx();
    std::vector<std::byte> packed = std::vector<std::byte>(ZSTD_DStreamInSize());
    ZSTD_inBuffer in{.src = packed.data(), .size = 0, .pos = 0};
    bool in_frame = false;
    std::optional<Error> failure;

    State() { ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, window_log); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { ZSTD_freeDCtx(context); }
};

ZstdBytes::ZstdBytes(Bytes& packed) : packed_(packed), state_(std::make_unique<State>()) {}
ZstdBytes::~ZstdBytes() = default;

Result<std::size_t> ZstdBytes::read(std::span<std::byte> to) {
    if (state_->failure)
        return std::unexpected(*state_->failure);
    ZSTD_outBuffer out{.dst = to.data(), .size = to.size(), .pos = 0};
    while (out.pos == 0) {
        if (state_->in.pos == state_->in.size) {
            TRY_ASSIGN(const std::size_t count, packed_.read(state_->packed));
            if (count == 0 && state_->in_frame)
                return fail(Errc::invalid, "the packed stream ends in the middle");
            if (count == 0)
                return 0;
            state_->in.size = count;
            state_->in.pos = 0;
        }
        const std::size_t left = ZSTD_decompressStream(state_->context, &out, &state_->in);
        if (ZSTD_isError(left) != 0) {
            const bool too_large = ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge;
            state_->failure = Error{too_large ? Errc::unavailable : Errc::invalid, 0,
                                    std::string("zstd: ") + ZSTD_getErrorName(left)};
            break;
        }
        state_->in_frame = left != 0;
    }
    return unpacked_or(out.pos, state_->failure);
}

} // namespace lpm::node
