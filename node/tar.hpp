// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "node/bytes.hpp"

// Reads a tar, plain or packed by gzip or zstd, entry by entry. Whatever the file has, memory stays bounded.
namespace lpm::node {

struct TarEntry {
    enum class Kind { file, folder, other }; // other: a link, a device, a fifo
    std::string name;                        // without a leading ./
    std::uint64_t size = 0;
    Kind kind = Kind::file;
    // Where its content begins in the unpacked tar; nothing when it is sparse, and not there as a whole.
    std::optional<std::uint64_t> offset{};
};

class TarReader {
  public:
    // Asked before each entry and each piece of content: what it returns ends the reading.
    using Ask = std::function<Result<>()>;

    // Of a regular file. The descriptor is borrowed. Errc::invalid when it is no tar.
    [[nodiscard]] static Result<TarReader> open(int fd, Ask ask, Tap tap = {});
    TarReader(TarReader&&) noexcept;
    TarReader& operator=(TarReader&&) noexcept;
    ~TarReader();

    // The next entry; nothing behind the last one. What was not read of the one before is passed over.
    // Errc::invalid: it is damaged, or ends in the middle of something.
    [[nodiscard]] Result<std::optional<TarEntry>> next();
    // All of the entry's content. Errc::unavailable when it has more than `limit` bytes.
    [[nodiscard]] Result<std::string> read(std::size_t limit);

    // Behind the last entry: tar's end mark is there, two records of zeros.
    [[nodiscard]] bool has_end_mark() const;
    // "tar", "tar+gzip", "tar+zstd"
    [[nodiscard]] std::string format() const;
    // Of the file.
    [[nodiscard]] std::uint64_t bytes_read() const;
    // The rest of the file, for a tap. Errc::invalid when what is packed does not end as it should.
    [[nodiscard]] Result<> read_to_end();

  private:
    struct State;
    explicit TarReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace lpm::node
