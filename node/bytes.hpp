// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.hpp"

// A stream of bytes that is read once, from its beginning.
namespace lpm::node {

class Bytes {
  public:
    virtual ~Bytes() = default;
    // How many came, at most as many as `to` takes; 0 at the end.
    [[nodiscard]] virtual Result<std::size_t> read(std::span<std::byte> to) = 0;
    // How many bytes were passed over, at most `count`; 0: they have to be read.
    [[nodiscard]] virtual std::uint64_t skip(std::uint64_t count) = 0;
};

// Sees each byte of the file as it lies there; then nothing is skipped.
using Tap = std::function<void(std::span<const std::byte>)>;

// Of a regular file, from its beginning whatever its position is. Reads of at least 32 KiB.
class FileBytes final : public Bytes {
  public:
    explicit FileBytes(int fd, Tap tap = {});
    [[nodiscard]] Result<std::size_t> read(std::span<std::byte> to) override;
    [[nodiscard]] std::uint64_t skip(std::uint64_t count) override;

    [[nodiscard]] std::uint64_t bytes_read() const { return read_; }

  private:
    int fd_;
    Tap tap_;
    std::uint64_t size_; // when it was opened: nothing is skipped behind it
    std::uint64_t at_ = 0;
    std::uint64_t read_ = 0;
};

// The content of a file: unpacked, when it begins as gzip or zstd do.
class Unpacked final : public Bytes {
  public:
    explicit Unpacked(int fd, Tap tap = {});
    [[nodiscard]] Result<std::size_t> read(std::span<std::byte> to) override { return content().read(to); }
    [[nodiscard]] std::uint64_t skip(std::uint64_t count) override { return content().skip(count); }

    [[nodiscard]] std::string_view packing() const { return packing_; } // "", "+gzip", "+zstd"
    [[nodiscard]] FileBytes& file() { return file_; }

  private:
    [[nodiscard]] Bytes& content() { return unpacker_ ? *unpacker_ : file_; }
    FileBytes file_;
    std::string_view packing_;
    std::unique_ptr<Bytes> unpacker_;
};

// What gzip has packed: one member or several, each with its checksum. `packed` is borrowed.
[[nodiscard]] std::unique_ptr<Bytes> unpack_gzip(Bytes& packed);
// The same of zstd. Errc::unavailable for a window above 8 MiB: whoever made it could have us use 2 GiB.
[[nodiscard]] std::unique_ptr<Bytes> unpack_zstd(Bytes& packed);

} // namespace lpm::node
