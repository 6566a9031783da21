// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/bytes.hpp"

#include <cerrno>
#include <string>
#include <unistd.h>
#include <vector>

#include <zstd.h>

namespace lpm::node {

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
    if (tap_)
        return 0;
    at_ += count;
    return count;
}

struct ZstdBytes::State {
    static constexpr int window_log = 23;
    ZSTD_DCtx* context = ZSTD_createDCtx();
    std::vector<std::byte> packed = std::vector<std::byte>(ZSTD_DStreamInSize());
    ZSTD_inBuffer in{.src = packed.data(), .size = 0, .pos = 0};
    bool in_frame = false;

    State() { ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, window_log); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { ZSTD_freeDCtx(context); }
};

ZstdBytes::ZstdBytes(Bytes& packed) : packed_(packed), state_(std::make_unique<State>()) {}
ZstdBytes::~ZstdBytes() = default;

Result<std::size_t> ZstdBytes::read(std::span<std::byte> to) {
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
        if (ZSTD_isError(left) != 0)
            return fail(Errc::invalid, std::string("zstd: ") + ZSTD_getErrorName(left));
        state_->in_frame = left != 0;
    }
    return out.pos;
}

} // namespace lpm::node
