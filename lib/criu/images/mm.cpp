// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/mm.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t mm_magic = 0x57492820;

namespace mm_entry {
static constexpr std::uint32_t mm_arg_start = 8;
static constexpr std::uint32_t mm_arg_end = 9;
static constexpr std::uint32_t mm_env_start = 10;
static constexpr std::uint32_t mm_env_end = 11;
static constexpr std::uint32_t exe_file_id = 12;
} // namespace mm_entry

Result<MmEntry> parse_mm(std::string_view image) {
    MmEntry mm;
    TRY(only_record(image, mm_magic, "the image of a process's address space", [&](const Field& field) {
        if (field.number == mm_entry::mm_arg_start)
            mm.arg_start = field.value;
        else if (field.number == mm_entry::mm_arg_end)
            mm.arg_end = field.value;
        else if (field.number == mm_entry::mm_env_start)
            mm.env_start = field.value;
        else if (field.number == mm_entry::mm_env_end)
            mm.env_end = field.value;
    }));
    if (mm.arg_end < mm.arg_start || mm.env_end < mm.env_start)
        return damaged("the image of a process's address space");
    return mm;
}

Result<std::uint32_t> parse_exe_file_id(std::string_view head) {
    Image file(head);
    if (!file.opens(mm_magic) || !file.word())
        return fail(Errc::invalid, "not the image of a process's address space");
    // The head may end in the middle of the record; the field comes before all that are repeated.
    Message entry(file.rest());
    while (const auto field = entry.next())
        if (field->number == mm_entry::exe_file_id)
            return field->u32();
    return damaged("the image of a process's address space");
}

} // namespace lpm::criu
