// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"

// CRIU's image files and the protobuf wire format inside them, as far as lpm reads them. Everything is a view
// of the caller's bytes; nothing is ever read beyond them.
namespace lpm::criu {

// One field of a protobuf message: a number (varint, fixed) or bytes (string, message).
struct Field {
    std::uint32_t number = 0;
    std::uint64_t value = 0;
    std::string_view bytes;
};

// Walks the fields of a message; `broken()` after the walk tells bad or truncated input from a clean end.
class Message {
  public:
    explicit Message(std::string_view bytes) : rest_(bytes) {}
    [[nodiscard]] std::optional<Field> next();
    [[nodiscard]] bool broken() const { return broken_; }

  private:
    [[nodiscard]] std::optional<std::uint64_t> varint();
    [[nodiscard]] std::optional<std::uint64_t> fixed(unsigned size);
    std::string_view rest_;
    bool broken_ = false;
};

// Magic words of criu/include/magic.h. Every image but the inventory begins with a common word that says
// whether it was written by a dump (`image`) or is about one (`service`), then its own.
namespace magic {
inline constexpr std::uint32_t image = 0x54564319;
inline constexpr std::uint32_t service = 0x55105940;
inline constexpr std::uint32_t inventory = 0x58313116;
inline constexpr std::uint32_t pstree = 0x50273030;
inline constexpr std::uint32_t core = 0x55053847;
inline constexpr std::uint32_t pagemap = 0x56084025;
inline constexpr std::uint32_t mounts = 0x55563928;
inline constexpr std::uint32_t files = 0x56303138;
inline constexpr std::uint32_t remap_fpath = 0x59133954;
inline constexpr std::uint32_t pid_namespace = 0x61157326;
inline constexpr std::uint32_t stats = 0x57093306;
} // namespace magic

// Walks the records of an image. `opens(magic)` first; then `next()` until nothing.
class Image {
  public:
    explicit Image(std::string_view bytes) : rest_(bytes) {}
    // The headers are those of an image of this kind.
    [[nodiscard]] bool opens(std::uint32_t kind);
    [[nodiscard]] std::optional<std::string_view> next();
    // The next four bytes: behind the headers, the length of the first record.
    [[nodiscard]] std::optional<std::uint32_t> word();
    // What has not been read yet.
    [[nodiscard]] std::string_view rest() const { return rest_; }
    // The last record is cut short.
    [[nodiscard]] bool broken() const { return broken_; }

  private:
    std::string_view rest_;
    bool broken_ = false;
};

// What a reader says of an image that is not what it should be.
[[nodiscard]] std::unexpected<Error> damaged(std::string_view what);

// Calls read(std::string_view) for each record of the image, which is of that kind; `what` names it in
// errors. Damaged when `read` says false, or when the last record is cut short.
template <class Read>
[[nodiscard]] Result<> each_record(std::string_view image, std::uint32_t kind, std::string_view what,
                                   Read read) {
    Image file(image);
    if (!file.opens(kind))
        return fail(Errc::invalid, std::string(what) + " does not begin as CRIU's images of its kind do");
    while (const auto record = file.next())
        if (!read(*record))
            return damaged(what);
    if (file.broken())
        return damaged(what);
    return {};
}

} // namespace lpm::criu
