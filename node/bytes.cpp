// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/bytes.hpp"

#include <algorithm>
#include <array>
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

namespace {

// What both ways of packing have in common.
class Unpacker : public Bytes {
  public:
    explicit Unpacker(Bytes& packed) : packed_(packed), block_(131072) {}
    Unpacker(const Unpacker&) = delete;
    Unpacker& operator=(const Unpacker&) = delete;

    Result<std::size_t> read(std::span<std::byte> to) final {
        // zstd drops what it has unpacked in the call that finds a fault: who reads more at once would get
        // less.
        constexpr std::size_t at_once = 32768;
        to = to.first(std::min(to.size(), at_once));
        std::size_t count = 0;
        while (count == 0 && !failure_) {
            // Neither library takes the last of its input before all that comes of it is taken.
            if (rest_.empty()) {
                TRY_ASSIGN(const std::size_t more, packed_.read(block_));
                if (more == 0 && in_frame_)
                    return fail(Errc::invalid, "the packed stream ends in the middle");
                if (more == 0)
                    return 0;
                rest_ = std::span(block_).first(more);
            }
            count = unpack(rest_, to);
        }
        // What came before a fault is still good.
        return count == 0 ? Result<std::size_t>(std::unexpected(*failure_)) : count;
    }
    std::uint64_t skip(std::uint64_t) final { return 0; }

  protected:
    // Takes from the front of `from` what it uses, and says how much of `to` it has filled. Sets in_frame_,
    // failure_.
    virtual std::size_t unpack(std::span<std::byte>& from, std::span<std::byte> to) = 0;

    bool in_frame_ = false;
    std::optional<Error> failure_;

  private:
    Bytes& packed_;
    std::vector<std::byte> block_;
    std::span<std::byte> rest_;
};

class Gzip final : public Unpacker {
  public:
    explicit Gzip(Bytes& packed) : Unpacker(packed) { ::inflateInit2(&stream_, gzip_only); }
    ~Gzip() override { ::inflateEnd(&stream_); }

  private:
    std::size_t unpack(std::span<std::byte>& from, std::span<std::byte> to) override {
        if (!in_frame_) // another member
            ::inflateReset(&stream_);
        in_frame_ = true;
        stream_.next_in = reinterpret_cast<Bytef*>(from.data());
        stream_.avail_in = static_cast<uInt>(from.size());
        stream_.next_out = reinterpret_cast<Bytef*>(to.data());
        stream_.avail_out = static_cast<uInt>(to.size());
        const int done = ::inflate(&stream_, Z_NO_FLUSH);
        from = from.last(stream_.avail_in);
        if (done == Z_STREAM_END)
            in_frame_ = false;
        else if (done != Z_OK && done != Z_BUF_ERROR) // the last: nothing to do with what there is
            failure_ = Error{Errc::invalid, 0,
                             std::string("gzip: ") + (stream_.msg == nullptr ? "damaged" : stream_.msg)};
        return to.size() - stream_.avail_out;
    }

    static constexpr int gzip_only = 15 + 16; // the largest window, and gzip's header (zlib.h, inflateInit2)
    z_stream stream_{};
};

class Zstd final : public Unpacker {
  public:
    explicit Zstd(Bytes& packed) : Unpacker(packed) {
        ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, window_log);
    }
    ~Zstd() override { ZSTD_freeDCtx(context_); }

  private:
    std::size_t unpack(std::span<std::byte>& from, std::span<std::byte> to) override {
        ZSTD_inBuffer in{.src = from.data(), .size = from.size(), .pos = 0};
        ZSTD_outBuffer out{.dst = to.data(), .size = to.size(), .pos = 0};
        const std::size_t left = ZSTD_decompressStream(context_, &out, &in);
        from = from.subspan(in.pos);
        in_frame_ = left != 0;
        if (ZSTD_isError(left) != 0) {
            const bool too_large = ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge;
            failure_ = Error{too_large ? Errc::unavailable : Errc::invalid, 0,
                             std::string("zstd: ") + ZSTD_getErrorName(left)};
        }
        return out.pos;
    }

    static constexpr int window_log = 23;
    ZSTD_DCtx* context_ = ZSTD_createDCtx();
};

} // namespace

std::unique_ptr<Bytes> unpack_gzip(Bytes& packed) {
    return std::make_unique<Gzip>(packed);
}

std::unique_ptr<Bytes> unpack_zstd(Bytes& packed) {
    return std::make_unique<Zstd>(packed);
}

static bool begins_with(int fd, std::string_view magic) {
    std::array<char, 4> head{};
    return ::pread(fd, head.data(), magic.size(), 0) == static_cast<ssize_t>(magic.size()) &&
           std::string_view(head.data(), magic.size()) == magic;
}

Unpacked::Unpacked(int fd, Tap tap) : file_(fd, std::move(tap)) {
    if (begins_with(fd, "\x28\xb5\x2f\xfd")) {
        packing_ = "+zstd";
        unpacker_ = unpack_zstd(file_);
    } else if (begins_with(fd, "\x1f\x8b")) {
        packing_ = "+gzip";
        unpacker_ = unpack_gzip(file_);
    }
}

} // namespace lpm::node
