// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/wire.hpp"

namespace lpm::criu {

std::optional<std::uint64_t> Message::varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
        if (byte < 0x80)
            return value;
    }
    return std::nullopt;
}

static std::uint64_t little_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
}

std::optional<std::uint64_t> Message::fixed(unsigned size) {
    if (rest_.size() < size)
        return std::nullopt;
    const auto value = little_endian(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
}

std::optional<Field> Message::next() {
    if (rest_.empty() || broken_)
        return std::nullopt;
    broken_ = true; // until the whole field was there
    const auto tag = varint();
    if (!tag || *tag >> 3 == 0 || *tag >> 3 > UINT32_MAX)
        return std::nullopt;
    Field field;
    field.number = static_cast<std::uint32_t>(*tag >> 3);
    std::optional<std::uint64_t> value;
    switch (*tag & 7U) {
    case 0:
        value = varint();
        break;
    case 1:
        value = fixed(8);
        break;
    case 5:
        value = fixed(4);
        break;
    case 2:
        value = varint();
        if (!value || *value > rest_.size())
            return std::nullopt;
        field.bytes = rest_.substr(0, static_cast<std::size_t>(*value));
        rest_.remove_prefix(static_cast<std::size_t>(*value));
        break;
    default: // groups: not in any CRIU image
        return std::nullopt;
    }
    if (!value)
        return std::nullopt;
    field.value = *value;
    broken_ = false;
    return field;
}

std::optional<std::string_view> bytes_of(std::string_view message, std::uint32_t number) {
    std::string_view bytes;
    Message entry(message);
    while (const auto field = entry.next())
        if (field->number == number)
            bytes = field->bytes;
    return entry.broken() ? std::nullopt : std::optional(bytes);
}

std::optional<std::uint32_t> Image::word() {
    if (rest_.size() < 4)
        return std::nullopt;
    const auto value = static_cast<std::uint32_t>(little_endian(rest_.substr(0, 4)));
    rest_.remove_prefix(4);
    return value;
}

bool Image::opens(std::uint32_t magic) {
    constexpr std::uint32_t img_common_magic = 0x54564319;
    return word() == img_common_magic && word() == magic;
}

std::optional<std::string_view> Image::next() {
    if (rest_.empty() || broken_)
        return std::nullopt;
    const auto size = word();
    if (!size || *size > rest_.size()) {
        broken_ = true;
        return std::nullopt;
    }
    const auto record = rest_.substr(0, *size);
    rest_.remove_prefix(*size);
    return record;
}

std::unexpected<Error> damaged(std::string_view what) {
    return fail(Errc::invalid, std::string(what) + " is damaged or cut short");
}

} // namespace lpm::criu
