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

    [[nodiscard]] std::uint32_t u32() const { return static_cast<std::uint32_t>(value); }
    [[nodiscard]] bool flag() const { return value != 0; }
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

// Walks the records of an image. `opens(magic)` first; then `next()` until nothing.
class Image {
  public:
    explicit Image(std::string_view bytes) : rest_(bytes) {}
    // It begins as images do: with a word that is common to all, then with the one of its kind
    // (criu/include/magic.h). The inventory has no common word, and files about a run have another.
    [[nodiscard]] bool opens(std::uint32_t magic);
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

// The content of the field of that number, the last of them, or empty; nothing when the message is damaged.
[[nodiscard]] std::optional<std::string_view> bytes_of(std::string_view message, std::uint32_t number);

// What a reader says of an image that is not what it should be.
[[nodiscard]] std::unexpected<Error> damaged(std::string_view what);

// Calls read(std::string_view) for each record of the image, whose kind has that magic word; `what` names it
// in errors. Damaged when `read` says false, or when the last record is cut short.
template <class Read>
[[nodiscard]] Result<> each_record(std::string_view image, std::uint32_t magic, std::string_view what,
                                   Read read) {
    Image file(image);
    if (!file.opens(magic))
        return fail(Errc::invalid, std::string(what) + " does not begin as CRIU's images of its kind do");
    while (const auto record = file.next())
        if (!read(*record))
            return damaged(what);
    if (file.broken())
        return damaged(what);
    return {};
}

// Calls read(const Field&) for each field of the image's one record. Damaged when there is none, when it is
// cut short, and when there are more.
template <class Read>
[[nodiscard]] Result<> only_record(std::string_view image, std::uint32_t magic, std::string_view what,
                                   Read read) {
    std::size_t records = 0;
    TRY(each_record(image, magic, what, [&](std::string_view record) {
        Message entry(record);
        while (const auto field = entry.next())
            read(*field);
        return !entry.broken() && ++records == 1;
    }));
    if (records == 0)
        return damaged(what);
    return {};
}

} // namespace lpm::criu
